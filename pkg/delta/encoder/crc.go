package encoder

import "hash/crc32"

// combine returns the CRC-32 of a and b in a row, b having n bytes, from theirs:
// the sum of a times x to the 8n, in the field that CRC-32 calculates in, with
// the highest power in the lowest bit.
func combine(a, b uint32, n int64) uint32 {
	power := uint32(1 << 31)  // x to the 0
	square := uint32(1 << 23) // x to the 8
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			power = multiply(power, square)
		}
		square = multiply(square, square)
	}
	return multiply(power, a) ^ b
}

// multiply multiplies modulo CRC-32's polynomial.
func multiply(a, b uint32) uint32 {
	product := uint32(0)
	for ; a != 0; a <<= 1 {
		if a&(1<<31) != 0 {
			product ^= b
		}
		carry := b & 1
		b >>= 1
		if carry != 0 {
			b ^= crc32.IEEE
		}
	}
	return product
}
