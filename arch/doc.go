// Package arch says what a platform is, and when one will do for another.
//
// The rules are those of github.com/containerd/platforms, which docker and containerd use:
// arm64 is arm64/v8, arm is arm/v7, amd64 is amd64/v1; a variant falls back downwards only
// (v7, v6, v5; v3, v2, v1); Windows builds match by the third number of their version. Beyond
// the library, every answer comes with its reason, the order of entries never matters, and
// nothing depends on the machine except [Host].
//
// Importing the package costs about 0.5 ms at start-up, none of it ours: 0.4 ms where
// klauspost/cpuid asks a virtual machine's processor, 0.1 ms in containerd/platforms.
package arch
