package main

import "encoding/binary"

// Each function below assembles the same program for one machine: write the
// message, whose n bytes follow the code, to standard output; then exit with 0.
//
//	write(1, message, n)
//	exit(0)

func amd64Code(n uint32) []byte {
	const write, exit, stdout = 1, 60, 1
	le := binary.LittleEndian.AppendUint32
	var c []byte
	c = le(append(c, 0xb8), write)  // mov  eax, write
	c = le(append(c, 0xbf), stdout) // mov  edi, stdout
	c = append(c, 0x48, 0x8d, 0x35) // lea  rsi, [rip+…]
	c = le(c, 0)                    //      … set below
	next := len(c)                  // what rip is while lea runs
	c = le(append(c, 0xba), n)      // mov  edx, n
	c = append(c, 0x0f, 0x05)       // syscall
	c = le(append(c, 0xb8), exit)   // mov  eax, exit
	c = append(c, 0x31, 0xff)       // xor  edi, edi
	c = append(c, 0x0f, 0x05)       // syscall
	binary.LittleEndian.PutUint32(c[next-4:], uint32(len(c)-next))
	return c
}

func arm64Code(n uint32) []byte {
	const write, exit, stdout = 64, 93, 1
	movz := func(register, value uint32) uint32 { // value up to 16 bits
		return 0xd2800000 | value<<5 | register
	}
	adr := func(register, distance uint32) uint32 { // distance in bytes from this instruction, a multiple of 4
		return 0x10000000 | distance>>2<<5 | register
	}
	const svc = 0xd4000001
	return words(
		movz(0, stdout), // mov x0, #stdout
		adr(1, 7*4),     // adr x1, message: the code ends after this and six more
		movz(2, n),      // mov x2, #n
		movz(8, write),  // mov x8, #write
		svc,             // svc #0
		movz(0, 0),      // mov x0, #0
		movz(8, exit),   // mov x8, #exit
		svc,             // svc #0
	)
}

func armCode(n uint32) []byte {
	const write, exit, stdout = 4, 1, 1
	movw := func(register, value uint32) uint32 { // value up to 16 bits; new with ARMv6T2, so this is not for v6
		return 0xe3000000 | value>>12<<16 | register<<12 | value&0xfff
	}
	adr := func(register, distance uint32) uint32 { // add register, pc, distance; pc is 8 ahead; distance up to 8 bits
		return 0xe28f0000 | register<<12 | (distance - 8)
	}
	const svc = 0xef000000
	return words(
		movw(0, stdout), // movw r0, #stdout
		adr(1, 7*4),     // adr  r1, message: the code ends after this and six more
		movw(2, n),      // movw r2, #n
		movw(7, write),  // movw r7, #write
		svc,             // svc  #0
		movw(0, 0),      // movw r0, #0
		movw(7, exit),   // movw r7, #exit
		svc,             // svc  #0
	)
}

// words returns instructions of four bytes each as they lie in memory.
func words(instructions ...uint32) []byte {
	var code []byte
	for _, w := range instructions {
		code = binary.LittleEndian.AppendUint32(code, w)
	}
	return code
}
