package account

import (
	"context"
	"errors"
	"html/template"
	"net/http"

	"github.com/amogate/amogate/amo"
)

// CallbackPath is where upstream sends a browser back to after a consent.
const CallbackPath = "/oauth/callback"

// maxCallback bounds the query of a callback.
const maxCallback = 16 << 10

// Callback answers GET CallbackPath: it takes the consent that a browser brings
// back, and tells the person what came of it. The page shows no secret.
func (r *Registry) Callback() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		// The address holds a code: it must not go on to another site, nor stay.
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		if req.Method != http.MethodGet {
			header.Set("Allow", http.MethodGet)
			r.answer(w, http.StatusMethodNotAllowed, page{Title: "Not a consent", Text: "Browsers come here with GET."})
			return
		}
		if len(req.URL.RawQuery) > maxCallback {
			r.answer(w, http.StatusRequestURITooLong, page{Title: "Not a consent", Text: "The address is longer than any that amoCRM sends."})
			return
		}
		r.take(w, req)
	})
}

// take takes a consent and answers the page.
func (r *Registry) take(w http.ResponseWriter, req *http.Request) {
	// A browser that goes away must not lose a code that is used already.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(req.Context()), 2*r.config.Settings.SharedTimeout)
	defer cancel()
	account, err := r.finishConsent(ctx, req.URL.Query())
	if err == nil {
		r.answer(w, http.StatusOK, page{Title: "Account connected", Text: "amogate now reads and writes " + account.URL + " as the account named " + account.Name + ". You can close this window."})
		return
	}
	status, text := explain(err)
	r.config.Logger.WarnContext(ctx, "consent not taken", "status", status, "error", err)
	r.answer(w, status, page{Title: "Account not connected", Text: text})
}

// explain returns what a person is told of an error, and the status of the page.
func explain(err error) (int, string) {
	refused, isRefusal := errors.AsType[*refusal](err)
	upstream, isUpstream := errors.AsType[*amo.Error](err)
	other, isOther := errors.AsType[*OtherAccountError](err)
	switch {
	case isRefusal:
		return http.StatusBadRequest, refused.message
	case isOther:
		return http.StatusConflict, other.Error()
	case errors.Is(err, ErrExists), errors.Is(err, ErrFromFlags), errors.Is(err, ErrNoIntegration):
		return http.StatusConflict, err.Error()
	case isUpstream:
		return http.StatusBadGateway, upstream.Message + ". Nothing was stored; " + again
	}
	return http.StatusInternalServerError, "amogate met a condition that it should not have; its log says which. Nothing was stored; " + again
}

// page is what a person sees.
type page struct{ Title, Text string }

var pages = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{.Title}}</title>
<style>body{font:1rem/1.5 sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}</style>
<h1>{{.Title}}</h1>
<p>{{.Text}}</p>
</html>
`))

func (r *Registry) answer(w http.ResponseWriter, status int, p page) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	// A browser that has gone away needs no page.
	_ = pages.Execute(w, p)
}

// messageOf returns the part of an error that is fit to be shown.
func messageOf(err error) string {
	if upstream, ok := errors.AsType[*amo.Error](err); ok {
		return upstream.Message
	}
	return err.Error()
}
