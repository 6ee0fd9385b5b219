package emulator

import "slices"

// v4Order is the order a list is asked for.
type v4Order struct {
	field string
	desc  bool
}

// readOrder reads order[field]=asc|desc, of one of the known fields; the first of them is the default.
func (c *call) readOrder(known ...string) (v4Order, error) {
	o := v4Order{field: known[0]}
	n := c.query.get("order")
	if n == nil {
		return o, nil
	}
	if !n.isArray() || len(n.keys) != 1 || !slices.Contains(known, n.keys[0]) {
		return o, c.ignored("order must have one of %v in brackets", known)
	}
	switch way := n.items()[0].str(); way {
	case "asc":
		return v4Order{field: n.keys[0]}, nil
	case "desc":
		return v4Order{field: n.keys[0], desc: true}, nil
	default:
		return o, c.ignored("order[%s]: %q is neither asc nor desc", n.keys[0], way)
	}
}

// readWithV4 reads the names in with; unknown ones are ignored.
func (c *call) readWithV4(known ...string) ([]string, error) {
	var with []string
	for _, name := range c.query.get("with").list() {
		if slices.Contains(known, name) {
			with = append(with, name)
			continue
		}
		if err := c.ignored("with: %q is unknown", name); err != nil {
			return nil, err
		}
	}
	return with, nil
}

// readFilterV4 reads the parameter filter; nil means there is none.
func (c *call) readFilterV4(known ...string) (*node, error) {
	filter := c.query.get("filter")
	if filter == nil {
		return nil, nil
	}
	if !filter.isArray() {
		return nil, c.ignored("filter must have a name in brackets")
	}
	return filter, c.checkKeys(filter, "filter", known...)
}

// filterIDs reads filter[name]=1, filter[name][]=1 or filter[name]=1,2; nil means no filter. Ids that are none find
// nothing.
func (c *call) filterIDs(filter *node, name string) ([]int64, error) {
	n := filter.get(name)
	if n == nil {
		return nil, nil
	}
	ids, err := c.readIDs(n, "filter["+name+"]")
	if ids == nil {
		ids = []int64{}
	}
	return ids, err
}

// filterTexts reads filter[name]=a or filter[name][]=a; nil means no filter. Commas are part of a text.
func (c *call) filterTexts(filter *node, name string) []string {
	n := filter.get(name)
	if n == nil {
		return nil
	}
	return n.texts()
}

// filterSpan reads filter[name][from] and [to], each alone too, in unix seconds and inclusive; nil means no filter. A
// bare number is that very moment, or with since all moments after it.
func (c *call) filterSpan(filter *node, name string, since bool) (*span, error) {
	n := filter.get(name)
	if n == nil {
		return nil, nil
	}
	at := "filter[" + name + "]"
	if n.isScalar() {
		i, ok := n.integer()
		switch {
		case !ok:
			return nil, c.ignored("%s: %q is not a number", at, n.str())
		case since:
			return &span{from: i + 1, to: anyTime.to}, nil
		}
		return &span{i, i}, nil
	}
	if err := c.checkKeys(n, at, "from", "to"); err != nil {
		return nil, err
	}
	sp := anyTime
	for _, end := range []struct {
		name string
		to   *int64
	}{{"from", &sp.from}, {"to", &sp.to}} {
		m := n.get(end.name)
		if m == nil {
			continue
		}
		i, ok := m.integer()
		if !ok {
			if err := c.ignored("%s[%s]: %q is not a number", at, end.name, m.str()); err != nil {
				return nil, err
			}
			continue
		}
		*end.to = i
	}
	return &sp, nil
}

// in reports whether a filter lets an id through.
func in(filter []int64, id int64) bool { return filter == nil || slices.Contains(filter, id) }

// within reports whether a filter lets a number through.
func (s *span) within(i int64) bool { return s == nil || s.contains(i) }
