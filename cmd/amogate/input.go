package main

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// badInput collects the values that cannot be read. A parser stops at its first
// error; operators want all of them.
type badInput struct{ problems map[*kong.Value]string }

// of returns what could not be read of the flags of one command. Variables of
// other commands are none of its business.
func (b *badInput) of(node *kong.Node) problems {
	var found problems
	for _, flag := range node.Flags {
		if text, ok := b.problems[flag.Value]; ok {
			found.add(flag.Name, "%s", text)
		}
	}
	return found
}

// mappers returns the readers of every type of flag.
func (b *badInput) mappers() []kong.Option {
	b.problems = map[*kong.Value]string{}
	return []kong.Option{
		kong.KindMapper(reflect.String, mapper{b, func(text string, target reflect.Value) string {
			target.SetString(text)
			return ""
		}}),
		kong.KindMapper(reflect.Int, mapper{b, func(text string, target reflect.Value) string {
			n, err := strconv.ParseInt(text, 10, strconv.IntSize)
			target.SetInt(n)
			return unless(err, "a whole number")
		}}),
		kong.KindMapper(reflect.Uint64, mapper{b, func(text string, target reflect.Value) string {
			n, err := strconv.ParseUint(text, 10, 64)
			target.SetUint(n)
			return unless(err, "a whole number of at least 0")
		}}),
		kong.KindMapper(reflect.Float64, mapper{b, func(text string, target reflect.Value) string {
			n, err := strconv.ParseFloat(text, 64)
			target.SetFloat(n)
			return unless(err, "a number, for instance 6 or 0.5")
		}}),
		kong.TypeMapper(reflect.TypeFor[time.Duration](), mapper{b, func(text string, target reflect.Value) string {
			d, err := time.ParseDuration(text)
			target.SetInt(int64(d))
			return unless(err, "a duration with its unit, for instance 120ms or 5s")
		}}),
		kong.KindMapper(reflect.Bool, boolMapper{mapper{b, func(text string, target reflect.Value) string {
			on, err := strconv.ParseBool(strings.ToLower(text))
			target.SetBool(on)
			return unless(err, "true or false")
		}}}),
	}
}

func unless(err error, want string) string {
	if err == nil {
		return ""
	}
	return want
}

// mapper reads one type of flag. read returns what it wants instead of a text
// that it cannot read.
type mapper struct {
	bad  *badInput
	read func(text string, target reflect.Value) (want string)
}

// Decode implements kong.Mapper. It fails only when there is no value at all.
func (m mapper) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	token, err := ctx.Scan.PopValue("a value")
	if err != nil {
		return err
	}
	m.decode(ctx, fmt.Sprint(token.Value), target)
	return nil
}

func (m mapper) decode(ctx *kong.DecodeContext, text string, target reflect.Value) {
	// The last text given counts: a flag comes after its variable.
	delete(m.bad.problems, ctx.Value)
	if text == "" {
		// An empty variable is how many tools write one that is not set.
		text = ctx.Value.Default
	}
	if text == "" {
		target.SetZero()
		return
	}
	if want := m.read(text, target); want != "" {
		m.bad.problems[ctx.Value] = fmt.Sprintf("%q cannot be read; give %s", text, want)
	}
}

// boolMapper reads flags that need no value.
type boolMapper struct{ mapper }

// IsBool implements kong.BoolMapper.
func (boolMapper) IsBool() bool { return true }

// Decode implements kong.Mapper.
func (m boolMapper) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	if ctx.Scan.Peek().Type != kong.FlagValueToken {
		delete(m.bad.problems, ctx.Value)
		target.SetBool(true)
		return nil
	}
	m.decode(ctx, fmt.Sprint(ctx.Scan.Pop().Value), target)
	return nil
}
