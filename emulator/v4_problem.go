package emulator

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// problem is an error of generation v4, written as application/problem+json.
type problem struct {
	status int
	title  string // the status's own when empty
	detail string
	hint   string

	rows     []invalidRow    // validation-errors
	entities []entityProblem // errors: an object of texts by the id of an entity
	items    []invalidItem   // errors: a list of request_id and one error
	titles   []string        // errors: a list of titles

	retryAfter int64 // seconds
	traceID    string
}

func (p *problem) Error() string { return fmt.Sprintf("emulator: %s (status %d)", p.detail, p.status) }

// invalidRow is what is wrong with one row of a request.
type invalidRow struct {
	requestID string
	wrong     []violation
}

// violation is one thing that is wrong with a row. The path leads to it in dots, from the row.
type violation struct{ code, path, detail string }

// invalidItem is a row refused for a single reason.
type invalidItem struct {
	requestID string
	wrong     violation
}

// entityProblem is what forbids a write of one entity.
type entityProblem struct {
	id   int64
	text string
}

// Details of the service.
const (
	unauthorizedDetail = "Invalid user name or password"
	validationDetail   = "Request validation failed"
	emptyBodyDetail    = "Request data can not be empty"
	invalidBodyDetail  = "Invalid request body"
	disabledDetail     = "Customers disabled"
	limitDetail        = "Limit 250 per page"
	entityDetail       = "Entity not found"
)

// russianTexts are texts an account in Russian reads; a 401 keeps its English title.
var russianTexts = map[string]string{
	unauthorizedDetail: "Неверный логин или пароль",
	validationDetail:   "Ошибка валидации запроса",
	emptyBodyDetail:    "Данные запроса не могут быть пустыми",
	invalidBodyDetail:  "Некорректное тело запроса",
	disabledDetail:     "Покупатели отключены",
	limitDetail:        "Лимит 250 на страницу",
	"Bad Request":      "Некорректный запрос",
	"Not Found":        "Не найдено",
	"Payment Required": "Требуется оплата",
	"Forbidden":        "Доступ запрещён",
	"Error 288.":       "Код ошибки 288.",
	"Error 402.":       "Код ошибки 402.",
	"Error 425.":       "Код ошибки 425.",
	"Error 426.":       "Код ошибки 426.",
}

// localized is a text of an error in the language of the account's errors.
func (c *call) localized(text string) string {
	if russian, ok := russianTexts[text]; ok && c.e.config.RussianErrors {
		return russian
	}
	return text
}

// problemOf makes a problem of any error.
func problemOf(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	r, ok := errors.AsType[*refusal](err)
	switch {
	case !ok:
		return &problem{status: http.StatusInternalServerError, title: "ErrInternalServer", detail: err.Error(), traceID: traceID()}
	case r.status == http.StatusUnauthorized:
		return &problem{status: r.status, detail: unauthorizedDetail}
	case r.status == http.StatusTooManyRequests:
		return &problem{status: r.status, detail: r.text, retryAfter: 300}
	case r.status == http.StatusInternalServerError:
		return &problem{status: r.status, title: "ErrInternalServer", detail: r.text, traceID: traceID()}
	}
	return &problem{status: r.status, detail: r.text}
}

func (c *call) problemReply(p *problem) *reply {
	var w jsonWriter
	w.open('{')
	if p.rows != nil {
		w.key("validation-errors")
		w.open('[')
		for _, row := range p.rows {
			w.open('{')
			w.keyText("request_id", row.requestID)
			w.key("errors")
			w.open('[')
			for _, v := range row.wrong {
				w.violation(v)
			}
			w.close(']')
			w.close('}')
		}
		w.close(']')
	}
	c.writeProblemErrors(&w, p)
	title := p.title
	if title == "" {
		title = http.StatusText(p.status)
	}
	if p.status != http.StatusUnauthorized {
		title = c.localized(title)
	}
	w.keyText("title", title)
	w.keyText("type", "https://httpstatus.es/"+strconv.Itoa(p.status))
	w.keyInteger("status", int64(p.status))
	w.keyText("detail", c.localized(p.detail))
	if p.hint != "" {
		w.keyText("hint", p.hint)
	}
	if p.retryAfter > 0 {
		w.keyInteger("retry_after", p.retryAfter)
	}
	if p.traceID != "" {
		w.keyText("trace_id", p.traceID)
	}
	w.close('}')
	return newReply(p.status, "application/problem+json", w.buf)
}

// writeProblemErrors writes the member errors, which has three shapes.
func (c *call) writeProblemErrors(w *jsonWriter, p *problem) {
	switch {
	case p.entities != nil:
		w.key("errors")
		w.open('{')
		for _, e := range p.entities {
			w.keyText(strconv.FormatInt(e.id, 10), e.text)
		}
		w.close('}')
	case p.items != nil:
		w.key("errors")
		w.open('[')
		for _, item := range p.items {
			w.open('{')
			w.keyText("request_id", item.requestID)
			w.key("errors")
			w.violation(item.wrong)
			w.close('}')
		}
		w.close(']')
	case p.titles != nil:
		w.key("errors")
		w.open('[')
		for _, title := range p.titles {
			w.open('{')
			w.keyText("title", title)
			w.close('}')
		}
		w.close(']')
	}
}

func (w *jsonWriter) violation(v violation) {
	w.open('{')
	w.keyText("code", v.code)
	w.keyText("path", v.path)
	w.keyText("detail", v.detail)
	w.close('}')
}
