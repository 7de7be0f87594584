package arch

import "github.com/containerd/platforms"

// Normalize returns the one form of all that mean the same, by containerd's rules: lower case;
// x86_64 is amd64, aarch64 is arm64, i386 is 386, armhf is arm/v7, armel is arm/v6, macos is
// darwin; amd64/v1 and arm64/v8 lose their variant, arm without one is arm/v7. An empty field
// stays empty.
func (p Platform) Normalize() Platform {
	n := platforms.Normalize(p.spec())
	if p.OS == "" { // containerd would put the system that this program runs on
		n.OS = ""
	}
	return Platform{
		OS: n.OS, Architecture: n.Architecture, Variant: n.Variant,
		OSVersion: p.OSVersion, OSFeatures: joinFeatures(n.OSFeatures),
	}
}
