package admin

import (
	"math"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/limit"
	adminv1 "github.com/amogate/amogate/gen/amogate/admin/v1"
)

var kindToProto = map[custody.Kind]adminv1.CredentialKind{
	custody.KindOAuth:   adminv1.CredentialKind_CREDENTIAL_KIND_OAUTH,
	custody.KindToken:   adminv1.CredentialKind_CREDENTIAL_KIND_TOKEN,
	custody.KindSession: adminv1.CredentialKind_CREDENTIAL_KIND_SESSION,
}

var stateToProto = map[custody.State]adminv1.CredentialState{
	custody.StateOK:            adminv1.CredentialState_CREDENTIAL_STATE_OK,
	custody.StateRevoked:       adminv1.CredentialState_CREDENTIAL_STATE_REAUTH_REQUIRED,
	custody.StateLost:          adminv1.CredentialState_CREDENTIAL_STATE_TOKEN_LOST,
	custody.StateMisconfigured: adminv1.CredentialState_CREDENTIAL_STATE_MISCONFIGURED,
}

var resultToProto = map[account.Result]adminv1.CheckResult{
	account.ResultOK:      adminv1.CheckResult_CHECK_RESULT_OK,
	account.ResultWarning: adminv1.CheckResult_CHECK_RESULT_WARNING,
	account.ResultFailed:  adminv1.CheckResult_CHECK_RESULT_FAILED,
	account.ResultSkipped: adminv1.CheckResult_CHECK_RESULT_SKIPPED,
}

var classNames = [limit.ClassCount]string{
	limit.Login:       "login",
	limit.Interactive: "interactive",
	limit.Sync:        "sync",
	limit.Export:      "export",
}

func accountToProto(a account.Account) *adminv1.Account {
	return &adminv1.Account{
		Name:            a.Name,
		Url:             a.URL,
		UpstreamId:      a.UpstreamID,
		CreateTime:      timeToProto(a.CreatedAt),
		FromFlags:       a.FromFlags,
		Credentials:     credentialsToProto(a.Credentials),
		LastSuccessTime: timeToProto(a.LastSuccess),
	}
}

func credentialsToProto(c account.Credentials) *adminv1.Credentials {
	state := stateToProto[c.State]
	if c.Undecryptable {
		state = adminv1.CredentialState_CREDENTIAL_STATE_UNDECRYPTABLE
	}
	return &adminv1.Credentials{
		Kind:        kindToProto[c.Kind],
		State:       state,
		Reason:      c.Reason,
		Generation:  c.Generation,
		ExpireTime:  timeToProto(c.ExpiresAt),
		RefreshTime: timeToProto(c.RefreshAt),
		KeyId:       c.KeyID,
	}
}

func limiterToProto(s limit.Status) *adminv1.Limiter {
	limiter := &adminv1.Limiter{ConfiguredRate: s.Configured, Rate: s.Rate, Shared: s.Shared}
	if s.Hold > 0 {
		limiter.Hold = durationpb.New(s.Hold)
	}
	for class, name := range classNames {
		limiter.Queues = append(limiter.Queues, &adminv1.Queue{
			Class: name, Length: count(s.Queue[class]), LastWait: durationpb.New(s.LastWait[class]),
		})
	}
	for _, b := range s.Breakers {
		limiter.Breakers = append(limiter.Breakers, &adminv1.Breaker{
			Name: b.Name, OpenTime: timeToProto(b.Since), ProbeTime: timestamppb.New(time.Now().Add(b.ProbeIn)),
		})
	}
	return limiter
}

func checkToProto(c account.Check) *adminv1.Check {
	return &adminv1.Check{Name: c.Name, Result: resultToProto[c.Result], Finding: c.Finding, Remedy: c.Remedy}
}

// timeToProto returns nil for the zero time.
func timeToProto(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// count returns a count as the API tells it.
func count(n int) int32 {
	return int32(min(n, math.MaxInt32)) //nolint:gosec // bounded, and no count is negative
}
