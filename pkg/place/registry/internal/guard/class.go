// Package guard judges where a registry may send its client: which addresses,
// which redirects, which token servers.
package guard

import (
	"net/netip"
	"strings"
)

// A Class is how far out an address lies. The lower, the more it may do.
type Class int

// The classes. The zero Class is not known yet.
const (
	Unknown   Class = iota
	Loopback        // this machine
	Private         // this network
	Public          // everywhere else
	Forbidden       // link-local, metadata services, multicast: never
)

func (c Class) String() string {
	return [...]string{"unknown", "loopback", "private", "public", "forbidden"}[c]
}

// network is a range of addresses and its class, more special ones first.
type network struct {
	prefix netip.Prefix
	class  Class
}

func networks() []network {
	var list []network
	for class, prefixes := range map[Class]string{
		// Metadata services beyond link-local: AWS, GCP, Alibaba, Oracle, Azure.
		Forbidden: "169.254.0.0/16 fe80::/10 fd00:ec2::/32 fd20:ce::254/128 100.100.100.200/32 192.0.0.192/32 " +
			"168.63.129.16/32 224.0.0.0/4 ff00::/8 255.255.255.255/32",
		Loopback: "127.0.0.0/8 0.0.0.0/8 ::1/128 ::/128",
		// Also shared address space (RFC 6598), benchmarking (RFC 2544) and the old site-local.
		Private: "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 198.18.0.0/15 fc00::/7 fec0::/10",
	} {
		for p := range strings.FieldsSeq(prefixes) {
			list = append(list, network{netip.MustParsePrefix(p), class})
		}
	}
	return list
}

// Classify says how far out a lies. Addresses that carry an IPv4 address
// (mapped, NAT64, 6to4) are judged by the stricter of both.
func Classify(a netip.Addr) Class {
	a = a.WithZone("").Unmap()
	class := Public
	for _, n := range networks() {
		if n.prefix.Contains(a) && (class == Public || n.class == Forbidden) {
			class = n.class
		}
	}
	if inner, ok := embedded(a); ok && class == Public {
		return Classify(inner)
	}
	return class
}

// embedded returns the IPv4 address in a NAT64 (RFC 6052) or 6to4 (RFC 3056) address.
func embedded(a netip.Addr) (netip.Addr, bool) {
	if !a.Is6() {
		return a, false
	}
	b := a.As16()
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(a):
		return netip.AddrFrom4([4]byte(b[12:16])), true
	case netip.MustParsePrefix("2002::/16").Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return a, false
}

// ClassifyHost says how far out host lies, with or without a port, as far as
// its spelling tells: Unknown for a name that has to be resolved.
func ClassifyHost(host string) Class {
	name := Hostname(host)
	if a, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return Classify(a)
	}
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return Loopback
	}
	return Unknown
}

// Hostname returns host without its port; an IPv6 address keeps its brackets.
func Hostname(host string) string {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		return host[:i]
	}
	return host
}
