package emulator

// v2ListReply answers a list with a page of rows, each of about so many bytes; an empty one is a 204.
func v2ListReply[R any](c *call, page []*R, rowSize int, write func(w *jsonWriter, i int, row *R)) *reply {
	if len(page) == 0 {
		return emptyReply()
	}
	page = repeated(c.action, page)
	w := jsonWriter{buf: make([]byte, 0, rowSize*len(page))}
	w.open('{')
	w.self(c.href(), "get")
	w.key("_embedded")
	w.open('{')
	w.key("items")
	w.open('[')
	for i, row := range page {
		write(&w, i, row)
	}
	w.close(']')
	w.close('}')
	w.close('}')
	c.e.counters.change(func(s *Stats) { s.RowsSent += int64(len(page)) })
	return c.halReply(w.buf)
}
