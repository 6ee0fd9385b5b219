package emulator

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
)

// maxBody is the largest request body that is read; 500 items with every field filled stay well below it.
const maxBody = 16 << 20

var errTooLarge = errors.New("request body is too large")

func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxBody {
		return nil, errTooLarge
	}
	return body, nil
}

// parseBody reads the body as its type says; without a type that fits, what starts like JSON is JSON.
func (c *call) parseBody() (*node, error) {
	text := bytes.TrimSpace(c.body)
	if len(text) == 0 {
		return nil, &refusal{status: http.StatusBadRequest, code: 103, text: "The request has no parameters"}
	}
	kind, params, err := mime.ParseMediaType(c.request.Header.Get("Content-Type"))
	if err != nil {
		kind = ""
	}
	switch {
	case kind == "application/x-www-form-urlencoded":
		return parseForm(string(text)), nil
	case kind == "multipart/form-data":
		form, err := multipart.NewReader(bytes.NewReader(c.body), params["boundary"]).ReadForm(maxBody)
		if err != nil {
			return nil, badRequest("multipart body: %s", err)
		}
		return formFromMultipart(form), nil
	case strings.HasSuffix(kind, "json"), text[0] == '{', text[0] == '[':
		n, err := parseJSON(text)
		if err != nil {
			return nil, &refusal{status: http.StatusBadRequest, code: 102, text: fmt.Sprintf("POST must be JSON: %s", err)}
		}
		return n, nil
	}
	return parseForm(string(text)), nil
}
