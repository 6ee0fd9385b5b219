package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/amogate/amogate/gen/amogate/admin/v1"
)

// print writes an answer: for programs as one line of JSON, for people as text
// says it.
func (f *adminFlags) print(out streams, answer proto.Message, text func(io.Writer)) error {
	var body bytes.Buffer
	if f.Output == "json" {
		encoded, err := protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true}.Marshal(answer)
		if err != nil {
			return fmt.Errorf("print: %w", err)
		}
		// protojson varies its spaces, so that nobody compares bytes.
		if err := json.Compact(&body, encoded); err != nil {
			return fmt.Errorf("print: %w", err)
		}
		body.WriteByte('\n')
	} else {
		text(&body)
	}
	_, err := out.stdout.Write(body.Bytes())
	return err
}

// table writes rows of aligned columns.
func table(w io.Writer, rows ...[]string) {
	aligned := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintln(aligned, strings.Join(row, "\t"))
	}
	// A buffer takes everything.
	_ = aligned.Flush()
}

// writeAccounts writes a line an account.
func writeAccounts(w io.Writer, accounts []*adminv1.Account, now time.Time) {
	if len(accounts) == 0 {
		_, _ = fmt.Fprintln(w, "no accounts; add one with: amogate account add NAME --url=https://SUBDOMAIN.amocrm.ru --token-file=FILE")
		return
	}
	rows := [][]string{{"NAME", "URL", "CREDENTIALS", "STATE", "EXPIRES", "LAST SUCCESS"}}
	for _, a := range accounts {
		c := a.GetCredentials()
		rows = append(rows, []string{
			a.GetName(), a.GetUrl(), kindText(c.GetKind()), stateText(c.GetState()),
			until(c.GetExpireTime(), now), until(a.GetLastSuccessTime(), now),
		})
	}
	table(w, rows...)
}

// writeAdded says what became of account add.
func writeAdded(w io.Writer, a *adminv1.Account, now time.Time) {
	_, _ = fmt.Fprintf(w, "account %s is %s", a.GetName(), a.GetUrl())
	if expire := a.GetCredentials().GetExpireTime(); expire != nil {
		_, _ = fmt.Fprintf(w, "; its access token ends %s", until(expire, now))
	}
	_, _ = fmt.Fprintln(w)
}

// writeAccount writes everything that is known of an account.
func writeAccount(w io.Writer, a *adminv1.Account, now time.Time) {
	origin := "added " + until(a.GetCreateTime(), now)
	if a.GetFromFlags() {
		origin = "the flags of serve"
	}
	id := "-"
	if a.GetUpstreamId() != 0 {
		id = strconv.FormatInt(a.GetUpstreamId(), 10)
	}
	c := a.GetCredentials()
	rows := [][]string{
		{"name", a.GetName()},
		{"url", a.GetUrl()},
		{"upstream id", id},
		{"origin", origin},
		{"last success", until(a.GetLastSuccessTime(), now)},
		{"credentials", kindText(c.GetKind())},
		{"  state", stateText(c.GetState())},
	}
	if c.GetReason() != "" {
		rows = append(rows, []string{"  reason", c.GetReason()})
	}
	if !a.GetFromFlags() {
		rows = append(rows, [][]string{
			{"  generation", strconv.FormatInt(c.GetGeneration(), 10)},
			{"  expires", until(c.GetExpireTime(), now)},
			{"  refresh", until(c.GetRefreshTime(), now)},
			{"  sealed with", c.GetKeyId()},
		}...)
	}
	rows = append(rows, limiterRows(a.GetLimiter(), now)...)
	table(w, rows...)
	if queues := a.GetLimiter().GetQueues(); len(queues) > 0 {
		lines := [][]string{{"  QUEUE", "WAITING", "LAST WAIT"}}
		for _, q := range queues {
			lines = append(lines, []string{"  " + q.GetClass(), strconv.Itoa(int(q.GetLength())), duration(q.GetLastWait())})
		}
		table(w, lines...)
	}
}

// limiterRows tells what paces an account.
func limiterRows(l *adminv1.Limiter, now time.Time) [][]string {
	if l == nil {
		return nil
	}
	pace := "by the store, for all replicas"
	if !l.GetShared() {
		pace = "by this process alone: the store does not answer"
	}
	rows := [][]string{
		{"limiter", fmt.Sprintf("%.4g of %.4g requests/s", l.GetRate(), l.GetConfiguredRate())},
		{"  paced", pace},
	}
	if hold := l.GetHold(); hold != nil {
		rows = append(rows, []string{"  held", "for " + duration(hold) + " after a 429"})
	}
	for _, b := range l.GetBreakers() {
		rows = append(rows, []string{
			"  open", fmt.Sprintf("%s since %s, next try %s", b.GetName(), until(b.GetOpenTime(), now), until(b.GetProbeTime(), now)),
		})
	}
	return rows
}

// writeChecks writes a line a check, and below it what to do.
func writeChecks(w io.Writer, checks []*adminv1.Check) {
	var rows [][]string
	for _, c := range checks {
		rows = append(rows, []string{resultText(c.GetResult()), c.GetName(), c.GetFinding()})
		if c.GetRemedy() != "" {
			rows = append(rows, []string{"", "", "→ " + c.GetRemedy()})
		}
	}
	table(w, rows...)
}

func kindText(k adminv1.CredentialKind) string {
	return enumText(k.String(), "CREDENTIAL_KIND_")
}

func stateText(s adminv1.CredentialState) string {
	return enumText(s.String(), "CREDENTIAL_STATE_")
}

func resultText(r adminv1.CheckResult) string {
	return enumText(r.String(), "CHECK_RESULT_")
}

// enumText is the name of an enum's value as people write it. A newer serve may
// have values that this command does not know: they are shown by number.
func enumText(name, prefix string) string {
	text := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, prefix)), "_", " ")
	if text == "unspecified" {
		return "-"
	}
	return text
}

// until is a time with its distance from now.
func until(t *timestamppb.Timestamp, now time.Time) string {
	if t == nil {
		return "-"
	}
	at := t.AsTime()
	distance := at.Sub(now)
	text := at.Format(time.RFC3339)
	if distance < 0 {
		return text + ", " + coarse(-distance) + " ago"
	}
	return text + ", in " + coarse(distance)
}

// coarse is a duration in its largest unit.
func coarse(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return fmt.Sprintf("%d days", d/day)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d minutes", d/time.Minute)
	default:
		return fmt.Sprintf("%d seconds", d/time.Second)
	}
}

func duration(d *durationpb.Duration) string {
	return d.AsDuration().Round(time.Millisecond).String()
}

// violations are the faulty fields of a request, by the flags they came from.
func violations(s *status.Status) string {
	var found []string
	for _, detail := range s.Details() {
		bad, ok := detail.(*errdetails.BadRequest)
		if !ok {
			continue
		}
		for _, v := range bad.GetFieldViolations() {
			found = append(found, addFlags.Replace(v.GetField())+": "+v.GetDescription())
		}
	}
	return strings.Join(found, "; ")
}
