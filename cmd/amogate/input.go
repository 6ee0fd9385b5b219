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
type badInput struct {
	// problems of flags and of their variables, "" for none. A flag that was
	// given hides its variable.
	flags, variables map[*kong.Value]string
}

// of returns what could not be read of the flags of one command. Variables of
// other commands are none of its business.
func (b *badInput) of(node *kong.Node) problems {
	var found problems
	for _, flag := range node.Flags {
		text, given := b.flags[flag.Value]
		if !given {
			text = b.variables[flag.Value]
		}
		if text != "" {
			found.add(flag.Name, "%s", text)
		}
	}
	return found
}

// mappers returns the readers of every type of flag.
func (b *badInput) mappers() []kong.Option {
	b.flags, b.variables = map[*kong.Value]string{}, map[*kong.Value]string{}
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
	if text == "" {
		// An empty variable is how many tools write one that is not set.
		text = ctx.Value.Default
	}
	if text == "" {
		target.SetZero()
		m.note(ctx, target, "")
		return
	}
	problem := m.read(text, target)
	if problem != "" {
		problem = fmt.Sprintf("%q cannot be read; give %s", text, problem)
	}
	m.note(ctx, target, problem)
}

// note keeps the last word on a flag. kong reads flags into scratch values and
// variables and defaults right into the command, in this order.
func (m mapper) note(ctx *kong.DecodeContext, target reflect.Value, problem string) {
	from := m.bad.flags
	if target.Addr().Pointer() == ctx.Value.Target.Addr().Pointer() {
		from = m.bad.variables
	}
	from[ctx.Value] = problem
}

// boolMapper reads flags that need no value.
type boolMapper struct{ mapper }

// IsBool implements kong.BoolMapper.
func (boolMapper) IsBool() bool { return true }

// Decode implements kong.Mapper.
func (m boolMapper) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	if ctx.Scan.Peek().Type != kong.FlagValueToken {
		target.SetBool(true)
		m.note(ctx, target, "")
		return nil
	}
	m.decode(ctx, fmt.Sprint(ctx.Scan.Pop().Value), target)
	return nil
}
