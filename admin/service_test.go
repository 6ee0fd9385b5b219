package admin_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/admin"
	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/emulator"
	adminv1 "github.com/amogate/amogate/gen/amogate/admin/v1"
	"github.com/amogate/amogate/keyring"
	"github.com/amogate/amogate/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is the service over a real store and one emulated account, at
// shop.amocrm.ru.
type rig struct {
	*admin.Service
	t        *testing.T
	emulator *emulator.Emulator
}

// run runs a test in a bubble of testing/synctest.
func run(t *testing.T, change func(*account.Config), test func(r rig)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		opened, err := store.Open(t.Context(), "sqlite://"+filepath.Join(dir, "amogate.db"), store.Options{
			Dir: dir, Settings: settings.Default(), Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = opened.Close() }()
		ring, err := keyring.Generate(filepath.Join(dir, "keyring"))
		if err != nil {
			t.Fatal(err)
		}
		journal, err := custody.OpenJournal(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = journal.Close() }()
		e, err := emulator.New(emulator.Config{Customers: 10, AccountID: 1001, Subdomain: "shop"})
		if err != nil {
			t.Fatal(err)
		}
		config := account.Config{
			Store: opened, Limits: opened, Ring: ring, Journal: journal, Owner: "test",
			Integration: amo.Integration{
				ClientID: emulator.DefaultClientID, ClientSecret: emulator.DefaultClientSecret, RedirectURL: emulator.DefaultRedirectURL,
			},
			Client: amo.Config{Transport: e.Transport()},
		}
		change(&config)
		registry, err := account.New(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := registry.Close(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		}()
		service, err := admin.New(registry)
		if err != nil {
			t.Fatal(err)
		}
		test(rig{service, t, e})
	})
}

func unchanged(*account.Config) {}

func TestService_addsListsShowsAndRemoves(t *testing.T) {
	run(t, unchanged, func(r rig) {
		t := r.t
		ctx := t.Context()
		added, err := r.AddAccount(ctx, &adminv1.AddAccountRequest{
			Name: "shop", Url: "https://shop.amocrm.ru",
			Credentials: &adminv1.AddAccountRequest_AuthorizationCode{AuthorizationCode: r.emulator.IssueCode()},
		})
		if err != nil {
			t.Fatal(err)
		}
		c := added.GetCredentials()
		if added.GetName() != "shop" || added.GetUrl() != "https://shop.amocrm.ru" || added.GetUpstreamId() != 1001 || added.GetCreateTime() == nil ||
			c.GetKind() != adminv1.CredentialKind_CREDENTIAL_KIND_OAUTH || c.GetState() != adminv1.CredentialState_CREDENTIAL_STATE_OK ||
			c.GetGeneration() != 1 || c.GetKeyId() == "" || !c.GetExpireTime().AsTime().After(time.Now()) || c.GetRefreshTime() == nil {
			t.Errorf("added %v", added)
		}
		if _, err := r.AddAccount(ctx, &adminv1.AddAccountRequest{
			Name: "login", Url: "https://shop.amocrm.ru",
			Credentials: &adminv1.AddAccountRequest_Session{Session: &adminv1.Session{Login: emulator.DefaultLogin, ApiKey: emulator.DefaultAPIKey}},
		}); err != nil {
			t.Fatal(err)
		}
		list, err := r.ListAccounts(ctx, &adminv1.ListAccountsRequest{})
		if err != nil || len(list.GetAccounts()) != 2 || list.GetAccounts()[0].GetName() != "login" || list.GetAccounts()[0].GetLimiter() != nil {
			t.Errorf("list %v, %v", list, err)
		}
		shown, err := r.GetAccount(ctx, &adminv1.GetAccountRequest{Name: "shop"})
		if err != nil {
			t.Fatal(err)
		}
		l := shown.GetLimiter()
		if l.GetConfiguredRate() != amo.DefaultRate || l.GetRate() != amo.DefaultRate || !l.GetShared() || len(l.GetQueues()) != 4 || l.GetQueues()[0].GetClass() != "login" || l.GetHold() != nil {
			t.Errorf("limiter %v", l)
		}
		r.emulator.Ban(time.Hour)
		checked, err := r.CheckAccount(ctx, &adminv1.CheckAccountRequest{Name: "shop"})
		if err != nil || len(checked.GetChecks()) != 8 || checked.GetChecks()[2].GetResult() != adminv1.CheckResult_CHECK_RESULT_FAILED {
			t.Errorf("checks %v, %v", checked, err)
		}
		banned, err := r.GetAccount(ctx, &adminv1.GetAccountRequest{Name: "shop"})
		if b := banned.GetLimiter().GetBreakers(); err != nil || len(b) != 1 || b[0].GetName() != "ban" || !b[0].GetProbeTime().AsTime().After(time.Now()) {
			t.Errorf("breakers %v, %v", b, err)
		}
		if _, err := r.RemoveAccount(ctx, &adminv1.RemoveAccountRequest{Name: "shop"}); err != nil {
			t.Error(err)
		}
		if _, err := r.GetAccount(ctx, &adminv1.GetAccountRequest{Name: "shop"}); status.Code(err) != codes.NotFound {
			t.Errorf("removed: %v, want NotFound", err)
		}
	})
}

func TestService_beginsConsentsAndRotates(t *testing.T) {
	run(t, unchanged, func(r rig) {
		t := r.t
		begun, err := r.BeginAuthorization(t.Context(), &adminv1.BeginAuthorizationRequest{Name: "shop", Url: "https://shop.kommo.com"})
		if err != nil || !strings.HasPrefix(begun.GetAuthorizationUrl(), "https://www.kommo.com/oauth?") || !begun.GetExpireTime().AsTime().After(time.Now()) {
			t.Errorf("begun %v, %v", begun, err)
		}
		rotated, err := r.RotateKeyring(t.Context(), &adminv1.RotateKeyringRequest{})
		if err != nil || len(rotated.GetKeyIds()) != 2 || rotated.GetKeyIds()[1] != rotated.GetActiveKeyId() {
			t.Errorf("rotated %v, %v", rotated, err)
		}
		pruned, err := r.RotateKeyring(t.Context(), &adminv1.RotateKeyringRequest{ResealOnly: true, Prune: true})
		if err != nil || len(pruned.GetKeyIds()) != 1 || pruned.GetKeyIds()[0] != rotated.GetActiveKeyId() {
			t.Errorf("pruned %v, %v", pruned, err)
		}
	})
}

func TestService_errorsHaveCodesAndReasons(t *testing.T) {
	const canary = "canary-5f1e"
	static := func(c *account.Config) {
		host, err := amo.ParseHost("shop.amocrm.ru", false)
		if err != nil {
			t.Fatal(err)
		}
		c.Static = &account.Static{Host: host, Auth: amo.BearerToken(emulator.DefaultToken)}
		c.Integration = amo.Integration{}
		ring, err := keyring.Parse("k1:nPyLI6mcsSAGcTVyIZ+0GeVsPO3mDNcJZr7ZSdtdYwU=")
		if err != nil {
			t.Fatal(err)
		}
		c.Ring = ring
	}
	token := func(name, url, token string, replace bool) func(context.Context, rig) (proto.Message, error) {
		return func(ctx context.Context, r rig) (proto.Message, error) {
			return r.AddAccount(ctx, &adminv1.AddAccountRequest{
				Name: name, Url: url, Replace: replace, Credentials: &adminv1.AddAccountRequest_AccessToken{AccessToken: token},
			})
		}
	}
	for name, test := range map[string]struct {
		call   func(context.Context, rig) (proto.Message, error)
		code   codes.Code
		reason string
		field  string
		text   string
	}{
		"a name that is none":    {token("Shop", "https://shop.amocrm.ru", canary, false), codes.InvalidArgument, "VALIDATION", "name", ""},
		"a URL that is none":     {token("shop", "https://user:"+canary+"@shop.amocrm.ru", canary, false), codes.InvalidArgument, "VALIDATION", "url", ""},
		"a foreign URL":          {token("shop", "https://shop.example.com", canary, false), codes.InvalidArgument, "VALIDATION", "url", "amocrm.ru"},
		"a broken token":         {token("shop", "https://shop.amocrm.ru", canary+"\n", false), codes.InvalidArgument, "VALIDATION", "access_token", "line break"},
		"a wrong token":          {token("shop", "https://shop.amocrm.ru", canary, false), codes.FailedPrecondition, "ACCOUNT_REAUTH_REQUIRED", "", ""},
		"an account that exists": {token("north", "https://north.amocrm.ru", emulator.DefaultToken, false), codes.AlreadyExists, "", "", "--replace"},
		"that of the flags":      {token("default", "https://shop.amocrm.ru", canary, true), codes.FailedPrecondition, "", "", "--account"},
		"no credentials": {func(ctx context.Context, r rig) (proto.Message, error) {
			return r.AddAccount(ctx, &adminv1.AddAccountRequest{Name: "shop", Url: "https://shop.amocrm.ru"})
		}, codes.InvalidArgument, "VALIDATION", "credentials", ""},
		"half a login": {func(ctx context.Context, r rig) (proto.Message, error) {
			return r.AddAccount(ctx, &adminv1.AddAccountRequest{
				Name: "shop", Url: "https://shop.amocrm.ru", Credentials: &adminv1.AddAccountRequest_Session{Session: &adminv1.Session{ApiKey: canary}},
			})
		}, codes.InvalidArgument, "VALIDATION", "session.login", ""},
		"no name": {func(ctx context.Context, r rig) (proto.Message, error) {
			return r.GetAccount(ctx, &adminv1.GetAccountRequest{})
		}, codes.InvalidArgument, "VALIDATION", "name", ""},
		"an unknown account": {func(ctx context.Context, r rig) (proto.Message, error) {
			return r.CheckAccount(ctx, &adminv1.CheckAccountRequest{Name: "south"})
		}, codes.NotFound, "", "", "account list"},
		"a removal of an unknown account": {func(ctx context.Context, r rig) (proto.Message, error) {
			return r.RemoveAccount(ctx, &adminv1.RemoveAccountRequest{Name: "south"})
		}, codes.NotFound, "", "", ""},
		"a removal of that of the flags": {func(ctx context.Context, r rig) (proto.Message, error) {
			return r.RemoveAccount(ctx, &adminv1.RemoveAccountRequest{Name: "default"})
		}, codes.FailedPrecondition, "", "", "--account"},
		"no integration": {func(ctx context.Context, r rig) (proto.Message, error) {
			return r.BeginAuthorization(ctx, &adminv1.BeginAuthorizationRequest{Name: "shop"})
		}, codes.FailedPrecondition, "INTEGRATION_MISCONFIGURED", "", "--oauth-client-id"},
		"a fixed ring": {func(ctx context.Context, r rig) (proto.Message, error) {
			return r.RotateKeyring(ctx, &adminv1.RotateKeyringRequest{})
		}, codes.FailedPrecondition, "", "", "--reseal-only"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, static, func(r rig) {
				t := r.t
				if _, err := token("north", "https://north.amocrm.ru", emulator.DefaultToken, false)(t.Context(), r); err != nil {
					t.Fatal(err)
				}
				_, err := test.call(t.Context(), r)
				st := status.Convert(err)
				reason, fields := "", []string{}
				for _, detail := range st.Details() {
					switch detail := detail.(type) {
					case *errdetails.ErrorInfo:
						reason = detail.GetReason()
					case *errdetails.BadRequest:
						for _, v := range detail.GetFieldViolations() {
							fields = append(fields, v.GetField())
						}
					}
				}
				if st.Code() != test.code || reason != test.reason || strings.Join(fields, " ") != test.field || !strings.Contains(st.Message(), test.text) {
					t.Errorf("%v %q about %q: %q; want %v %q about %q: %q", st.Code(), reason, fields, st.Message(), test.code, test.reason, test.field, test.text)
				}
				if strings.Contains(prototext.Format(st.Proto()), canary) {
					t.Errorf("the status shows a secret: %v", st)
				}
			})
		})
	}
}
