package arch

import (
	"cmp"
	"strings"
)

// Select returns the index of the entry that does best for want, and how well: an exact one
// first, then the highest compatible variant, then the newest Windows. It never crosses to
// another architecture. If nothing fits, it returns -1 and [No]. The order of the entries does
// not matter, except that of several equal ones the first is taken.
func Select(entries []Platform, want Platform) (int, Fit) {
	return best(entries, want, Compatible)
}

// SelectRunnable is [Select] for the question what a machine would run: where there is nothing
// for its own architecture, it also takes what its processor runs besides (386 on amd64, arm on
// arm64).
func SelectRunnable(entries []Platform, machine Platform) (int, Fit) {
	return best(entries, machine, Runs)
}

func best(entries []Platform, want Platform, least Fit) (int, Fit) {
	w := want.Normalize()
	found, fit := -1, No
	for i, entry := range entries {
		f, _ := Match(w, entry)
		if f < least {
			continue
		}
		if found < 0 || cmp.Or(cmp.Compare(f, fit), compare(w, entry.Normalize(), entries[found].Normalize())) > 0 {
			found, fit = i, f
		}
	}
	return found, fit
}

// compare orders two platforms of the same fit for w, the better one being greater. It is a
// total order of normalised platforms, so that the best of several is the same in any order.
func compare(w, a, b Platform) int {
	return cmp.Or(
		compareVariants(a, b),
		compareTruth(a.OSVersion == w.OSVersion, b.OSVersion == w.OSVersion),
		compareVersions(a.OSVersion, b.OSVersion),
		cmp.Compare(len(a.features()), len(b.features())),
		strings.Compare(a.OSFeatures, b.OSFeatures),
	)
}

func compareVariants(a, b Platform) int {
	aMajor, aMinor := a.variantNumber()
	bMajor, bMinor := b.variantNumber()
	return cmp.Or(cmp.Compare(aMajor, bMajor), cmp.Compare(aMinor, bMinor), strings.Compare(a.Variant, b.Variant))
}

func compareTruth(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// compareVersions compares number by number; what is no number is less than any number.
func compareVersions(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		aDigits, aOK := digits(as[i])
		bDigits, bOK := digits(bs[i])
		if c := cmp.Or(compareTruth(aOK, bOK), cmp.Compare(len(aDigits), len(bDigits)), strings.Compare(aDigits, bDigits)); c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(len(as), len(bs)), strings.Compare(a, b))
}

// digits takes the leading zeros off a number of any length, so that the longer one is greater.
// What is no number is returned as it is.
func digits(s string) (string, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return s, false
	}
	return strings.TrimLeft(s, "0"), true
}
