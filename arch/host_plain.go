//go:build !amd64 && !arm64 && !(linux && arm)

package arch

// cpuVariant: the other architectures have no variants that images are built for.
func cpuVariant() string {
	return ""
}
