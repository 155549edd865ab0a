package danube

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/host"
)

// LogHandler takes the lines of package log/slog to the connector's log; [Source] and [Sink] make it the default. The host
// limits lines and bytes, drops what is over and counts it.
type LogHandler struct {
	// What WithAttrs and WithGroup have added.
	prefix string
	attrs  []slog.Attr
}

// LevelTrace is below slog.LevelDebug: step by step.
const LevelTrace = slog.LevelDebug - 4

// Enabled asks the host whether lines of this level are kept.
func (LogHandler) Enabled(_ context.Context, level slog.Level) bool {
	return host.Current.LogEnabled(hostLevel(level))
}

// Handle writes one line: the message, and `name=value` for each attribute.
func (h LogHandler) Handle(_ context.Context, record slog.Record) error {
	line := strings.Builder{}
	line.WriteString(record.Message)
	for _, attr := range h.attrs {
		writeAttr(&line, "", attr)
	}
	record.Attrs(func(attr slog.Attr) bool {
		writeAttr(&line, h.prefix, attr)
		return true
	})
	host.Current.Log(hostLevel(record.Level), line.String())
	return nil
}

// WithAttrs is a handler whose lines all have these.
func (h LogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.attrs = slices.Clone(h.attrs)
	for _, attr := range attrs {
		attr.Key = h.prefix + attr.Key
		h.attrs = append(h.attrs, attr)
	}
	return h
}

// WithGroup is a handler whose further attributes have names that begin with this one.
func (h LogHandler) WithGroup(name string) slog.Handler {
	if name != "" {
		h.prefix += name + "."
	}
	return h
}

func writeAttr(line *strings.Builder, prefix string, attr slog.Attr) {
	value := attr.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		for _, inner := range value.Group() {
			writeAttr(line, prefix+attr.Key+".", inner)
		}
		return
	}
	if attr.Equal(slog.Attr{}) {
		return
	}
	line.WriteString(" " + prefix + attr.Key + "=" + value.String())
}

func hostLevel(level slog.Level) uint8 {
	switch {
	case level < slog.LevelDebug:
		return host.Trace
	case level < slog.LevelInfo:
		return host.Debug
	case level < slog.LevelWarn:
		return host.Info
	case level < slog.LevelError:
		return host.Warn
	}
	return host.Error
}
