package ui

import (
	"os"

	"golang.org/x/sys/windows"
)

// enableEscapes asks the console to obey escape sequences. Consoles before
// Windows 10 cannot, and are then treated like a file.
func enableEscapes(f *os.File) bool {
	h := windows.Handle(f.Fd())
	var mode uint32
	if err := windows.GetConsoleMode(h, &mode); err != nil {
		return false
	}
	return windows.SetConsoleMode(h, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
