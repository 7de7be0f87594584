package verify

import "fmt"

// A Kind is a sort of [Finding]. The words are stable: scripts and SARIF rules use them.
type Kind string

// The kinds of finding.
const (
	KindMissing     Kind = "missing"     // content that is named is not there
	KindDigest      Kind = "digest"      // content does not match its digest
	KindSize        Kind = "size"        // content has another size than its descriptor says
	KindInvalid     Kind = "invalid"     // content cannot be read as what it is said to be
	KindMediaType   Kind = "media-type"  // content is of another type than its descriptor says
	KindDiffID      Kind = "diff-id"     // a layer is not the one that the config names
	KindLayerCount  Kind = "layer-count" // manifest and config name different numbers of layers
	KindHistory     Kind = "history"     // the history does not fit the layers
	KindLabel       Kind = "label"       // index, config and programs do not agree on the platform
	KindName        Kind = "platform-name"
	KindDuplicate   Kind = "duplicate"    // two entries of the index are for one platform, or are one image
	KindSameLayers  Kind = "same-layers"  // two architectures have the same layers
	KindMachine     Kind = "machine"      // a program is for another machine
	KindCommand     Kind = "command"      // the program that the image starts
	KindInterpreter Kind = "interpreter"  // what a program or script is started with is not there
	KindABI         Kind = "abi"          // a program and its interpreter do not go together
	KindLibrary     Kind = "library"      // a library that is needed is nowhere in the image
	KindForeign     Kind = "foreign-file" // programs for other machines that are not started here
	KindUnread      Kind = "unread"       // something could not be judged
	KindRequired    Kind = "required"     // a platform that was asked for is not there
	KindUnexpected  Kind = "unexpected"   // a platform is there that was not asked for
	KindNoIndex     Kind = "no-index"     // there is one image where several platforms were asked for
	KindAgainst     Kind = "against"      // the other place holds something else
	KindOutlier     Kind = "size-outlier" // a platform is much larger or smaller than the others
	KindDiffers     Kind = "differs"      // platforms are configured differently
)

// verdict is what an error of the kind makes of a platform.
func (k Kind) verdict() Verdict {
	switch k {
	case KindMissing, KindCommand, KindInterpreter, KindLibrary, KindRequired:
		return Missing
	case KindDigest, KindSize, KindInvalid, KindMediaType, KindDiffID, KindLayerCount, KindUnread:
		return Corrupt
	case KindABI, KindSameLayers:
		return Content
	case KindMachine: // where all are, the verdict is Content already
		return Mixed
	case KindLabel, KindName, KindDuplicate:
		return Label
	}
	return OK
}

// About says in one sentence what findings of the kind are about.
func (k Kind) About() string {
	return map[Kind]string{
		KindMissing:     "Content that a manifest or index names is not there.",
		KindDigest:      "Content does not match its digest.",
		KindSize:        "Content has another size than its descriptor says.",
		KindInvalid:     "Content cannot be read as what it is said to be.",
		KindMediaType:   "Content is of another type than its descriptor says.",
		KindDiffID:      "A layer is not the one that the config names.",
		KindLayerCount:  "Manifest and config name different numbers of layers.",
		KindHistory:     "The history in the config does not fit the layers.",
		KindLabel:       "Index, config and programs do not agree on the platform.",
		KindName:        "The platform in the index does not exist, or is spelled so that engines may not find it.",
		KindDuplicate:   "Two entries of the index are for one platform, or are one image.",
		KindSameLayers:  "Two architectures have the same layers.",
		KindMachine:     "A program is for another machine than its platform.",
		KindCommand:     "The program that the image starts is not there or cannot be started.",
		KindInterpreter: "The interpreter of a program or script is not in the image.",
		KindABI:         "A program and its interpreter are for different ABIs.",
		KindLibrary:     "A library that a program needs is nowhere in the image.",
		KindForeign:     "There are programs for other machines that are not started here.",
		KindUnread:      "Something could not be judged.",
		KindRequired:    "A platform that was asked for is not there.",
		KindUnexpected:  "A platform is there that was not asked for.",
		KindNoIndex:     "There is a single image where an index of several platforms was asked for.",
		KindAgainst:     "The other place does not hold the same content.",
		KindOutlier:     "A platform is much larger or smaller than the others.",
		KindDiffers:     "Platforms are configured differently.",
	}[k]
}

func errorf(k Kind, format string, args ...any) Finding {
	return Finding{Kind: k, Severity: Error, Text: fmt.Sprintf(format, args...)}
}

func warnf(k Kind, format string, args ...any) Finding {
	return Finding{Kind: k, Severity: Warning, Text: fmt.Sprintf(format, args...)}
}

func notef(k Kind, format string, args ...any) Finding {
	return Finding{Kind: k, Severity: Note, Text: fmt.Sprintf(format, args...)}
}

// of says what content the finding is about.
func (f Finding) of(digest fmt.Stringer) Finding {
	f.Digest = digest.String()
	return f
}

// in says where in the image the finding is.
func (f Finding) in(path, layer string) Finding {
	f.Path, f.Layer = path, layer
	return f
}

// pair says what was found and what was expected.
func (f Finding) pair(found, expected string) Finding {
	f.Found, f.Expected = found, expected
	return f
}

// fix says what to do about it.
func (f Finding) fix(text string) Finding {
	f.Fix = text
	return f
}
