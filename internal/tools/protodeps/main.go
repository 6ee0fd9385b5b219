// Command protodeps writes the sources of the third-party .proto files that
// the API imports. It prints them from the descriptors that are compiled into
// the Go modules of go.mod, so their versions follow go.sum, nothing is
// vendored and no schema registry is needed.
package main

// Each blank import registers the descriptors of a file the API imports.
import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/jhump/protoreflect/v2/protoprint"
	_ "google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/genproto/googleapis/rpc/status"
	_ "google.golang.org/genproto/googleapis/type/date"
	_ "google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

func main() {
	out := flag.String("out", "", "directory to write to")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "protodeps:", err)
		os.Exit(1)
	}
}

// run writes every registered file below out, but for google/protobuf, which
// buf has built in.
func run(out string) error {
	if out == "" {
		return errors.New("-out is required")
	}
	printer := protoprint.Printer{Compact: true}
	var failed error
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if !strings.HasPrefix(file.Path(), "google/protobuf/") {
			failed = write(&printer, file, out)
		}
		return failed == nil
	})
	return failed
}

func write(printer *protoprint.Printer, file protoreflect.FileDescriptor, out string) error {
	text, err := printer.PrintProtoToString(file)
	if err != nil {
		return fmt.Errorf("print %s: %w", file.Path(), err)
	}
	path := filepath.Join(out, filepath.FromSlash(file.Path()))
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o600)
}
