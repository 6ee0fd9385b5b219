package limit

// Class is the priority of a request.
type Class int

// The classes, most urgent first.
const (
	// Login is a login or a token call: everything else waits for it.
	Login Class = iota
	// Interactive is a unary call, or the first page of a list.
	Interactive
	// Sync is the rest of a list.
	Sync
	// Export is what nobody waits for.
	Export

	// ClassCount is the number of classes.
	ClassCount
)

// classNames are the names in metrics and in the API.
var classNames = [ClassCount]string{"login", "interactive", "sync", "export"}

// String returns the name of the class.
func (c Class) String() string {
	if c < 0 || c >= ClassCount {
		return "unknown"
	}
	return classNames[c]
}

// ParseClass returns the class that a caller may ask for by its name:
// interactive, sync or export.
func ParseClass(name string) (Class, bool) {
	for c := Interactive; c < ClassCount; c++ {
		if classNames[c] == name {
			return c, true
		}
	}
	return 0, false
}

// slotsAhead is how many slots ahead requests of the classes that nobody waits
// for may reserve: more would be in the way of the others, over all replicas.
func slotsAhead(c Class) int {
	if c == Export {
		return 1
	}
	return 2
}
