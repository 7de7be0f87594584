//go:build !linux

package folder

import (
	"errors"
	"os"
	"time"

	"github.com/dray-oci/dray/layers/merge"
)

func makeDevice(*os.File, string, *merge.File) error { return errors.ErrUnsupported }

func linkTime(*os.File, string, time.Time) error { return nil }

func setXattr(*os.File, string, string) error { return errors.ErrUnsupported }

func xattrs(*os.File) (map[string]string, error) { return nil, nil }

func idOf(os.FileInfo) (id ID, shared bool) { return ID{}, false }
