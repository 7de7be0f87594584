package daemon

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

const (
	// errorPipeBusy: all instances of the pipe are taken at the moment (winerror.h).
	errorPipeBusy = syscall.Errno(231)
	// anonymously keeps whoever made the pipe from acting as this user:
	// SECURITY_SQOS_PRESENT with SECURITY_ANONYMOUS, which is 0 (winbase.h).
	anonymously = 0x00100000
)

// dialPipe opens a named pipe for reading and writing at once, which needs
// overlapped I/O.
func dialPipe(ctx context.Context, path string) (net.Conn, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	for {
		h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil,
			syscall.OPEN_EXISTING, syscall.FILE_FLAG_OVERLAPPED|anonymously, 0)
		if err == nil {
			return pipeConn{os.NewFile(uintptr(h), path)}, nil
		}
		if !errors.Is(err, errorPipeBusy) {
			return nil, &os.PathError{Op: "open", Path: path, Err: err}
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

type pipeConn struct{ *os.File }

func (c pipeConn) LocalAddr() net.Addr  { return pipeAddr(c.Name()) }
func (c pipeConn) RemoteAddr() net.Addr { return pipeAddr(c.Name()) }

type pipeAddr string

func (a pipeAddr) Network() string { return "npipe" }
func (a pipeAddr) String() string  { return string(a) }
