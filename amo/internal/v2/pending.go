package v2

// The declaration below is replaced by the real one as it is written.

import (
	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func Notes(amogatev1.ParentKind) (r driver.Resource[*amogatev1.Note, *amogatev1.ListNotesRequest]) { return }
