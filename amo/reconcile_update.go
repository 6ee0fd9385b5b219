package amo

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// reconcile gives the items of an update that upstream accepted by an answer which
// was lost their results, by one read, and returns those that were written: a record
// that shows the change is answered whole. Of the others the answer may have told a
// refusal.
func (r *updateRun[T, F]) reconcile(ctx context.Context, places []int, cause *Error) (done []int) {
	ids := make([]int64, len(places))
	for n, i := range places {
		ids[n] = r.items[i].ID
	}
	found, err := r.read(ctx, r.d, driver.OpUpdate, ids)
	if err != nil {
		cause = unlooked(cause)
		r.party.fail(cause)
	}
	for _, i := range places {
		change := r.works[i].work.change
		record, ok := found[change.ID]
		if !ok || !r.shown(record, change) {
			r.results[i].Err = ownError(cause)
			continue
		}
		r.results[i].Value = r.withLinks(record, change)
		done = append(done, i)
	}
	r.client.config.Logger.WarnContext(ctx, "the answer to an update was lost", "account", r.client.config.Account,
		"operation", r.op(), "items", len(places), "found", len(done), "error", cause)
	return done
}

// isLink says whether a field is written by requests of its own.
func (r *updateRun[T, F]) isLink(path string) bool {
	if r.d.Linked == nil {
		return false
	}
	links, _ := r.d.Linked([]string{path})
	return links
}

// withLinks is a record with the links that it is to get.
func (r *updateRun[T, F]) withLinks(record T, change driver.Change[T]) T {
	m, value := record.ProtoReflect(), change.Value.ProtoReflect()
	for _, path := range change.Paths {
		if !r.isLink(path) {
			continue
		}
		f := field(record, protoreflect.Name(path))
		m.Clear(f)
		if value.Has(f) {
			m.Set(f, value.Get(f))
		}
	}
	return record
}

// shown says whether a record shows everything of a change but its links.
func (r *updateRun[T, F]) shown(record T, change driver.Change[T]) bool {
	names := tagNames(record)
	lacks := func(name string) bool { return !slices.Contains(names, name) }
	if slices.ContainsFunc(change.AddTags, lacks) || !allOf(change.RemoveTags, lacks) {
		return false
	}
	return allOf(change.Paths, func(path string) bool {
		return r.isLink(path) || showsField(record, change.Value, protoreflect.Name(path))
	})
}

func allOf(texts []string, holds func(string) bool) bool {
	return !slices.ContainsFunc(texts, func(text string) bool { return !holds(text) })
}

// tagNames returns the names of the tags of a record that can have some.
func tagNames(record any) []string {
	tagged, ok := record.(interface{ GetTags() []*amogatev1.Tag })
	if !ok {
		return nil
	}
	var names []string
	for _, tag := range tagged.GetTags() {
		names = append(names, tag.GetName())
	}
	return names
}

// showsField says whether a record shows what an update wrote to one field. Custom
// fields and elements that were not listed stay as they were.
func showsField(record, value proto.Message, name protoreflect.Name) bool {
	f := field(record, name)
	shown := record.ProtoReflect()
	wanted := content(only(value, []string{string(name)})).ProtoReflect()
	switch name {
	case "custom_fields":
		return !slices.ContainsFunc(customFieldsOf(value), func(sent *amogatev1.CustomField) bool {
			return !showsCustomField(customFieldsOf(record), sent)
		})
	case "catalog_elements":
		list := shown.Get(f).List()
		for i := range wanted.Get(f).List().Len() {
			if !hasElement(list, wanted.Get(f).List().Get(i).Message()) {
				return false
			}
		}
		return true
	}
	if !wanted.Has(f) {
		return !shown.Has(f) || blank(f, shown.Get(f))
	}
	return shows(shown, wanted)
}

// showsCustomField says whether one of fields is the one that was sent; none is,
// where it was cleared.
func showsCustomField(fields []*amogatev1.CustomField, sent *amogatev1.CustomField) bool {
	wanted := proto.CloneOf(sent)
	settle(wanted.ProtoReflect())
	at := slices.IndexFunc(fields, func(f *amogatev1.CustomField) bool { return f.GetFieldId() == sent.GetFieldId() })
	if at < 0 || saysNothing(fields[at].ProtoReflect()) {
		return saysNothing(wanted.ProtoReflect())
	}
	return shows(fields[at].ProtoReflect(), wanted.ProtoReflect())
}

// hasElement says whether list has the element in the quantity that was sent; a
// quantity of 0 is none.
func hasElement(list protoreflect.List, sent protoreflect.Message) bool {
	element, ok := sent.Interface().(*amogatev1.CatalogElementLink)
	if !ok {
		return false
	}
	for i := range list.Len() {
		m := list.Get(i).Message()
		if other, ok := m.Interface().(*amogatev1.CatalogElementLink); ok && other.GetCatalogId() == element.GetCatalogId() && other.GetElementId() == element.GetElementId() {
			return shows(m, sent)
		}
	}
	return element.GetQuantity() == 0
}
