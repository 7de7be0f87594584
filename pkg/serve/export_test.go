package serve

import "time"

// Sweep does what [Server.Serve] does from time to time.
func Sweep(s *Server) error {
	defer s.lease.sweep()
	return s.uploads.sweep()
}

// CutAfter sets how long a request that hangs is waited for.
func CutAfter(s *Server, d time.Duration) { s.uploads.grace = d }
