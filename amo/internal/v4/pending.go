package v4

// Declarations below are replaced by the real ones as they are written.

import (
	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func Notes(amogatev1.ParentKind) (r driver.Resource[*amogatev1.Note, *amogatev1.ListNotesRequest]) {
	return
}
func PinNote(amogatev1.ParentKind, int64, bool) (r driver.Exchange[struct{}]) { return }
