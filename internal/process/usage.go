package process

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU time in /proc; it is the same on every Linux.
const tick = 10 * time.Millisecond

// CPU returns the time that the process has spent on processors, in the program
// and in the kernel.
func (p *Process) CPU() (time.Duration, error) {
	data, err := os.ReadFile(p.path("stat"))
	if err != nil {
		return 0, fmt.Errorf("measure CPU: %w", err)
	}
	return parseCPU(string(data))
}

// parseCPU reads the 14th and the 15th field. The second is a name in brackets
// that may hold anything.
func parseCPU(stat string) (time.Duration, error) {
	const before, user, kernel = 3, 14, 15
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	var ticks int64
	for _, field := range []int{user, kernel} {
		i := field - before
		if i >= len(fields) {
			return 0, fmt.Errorf("measure CPU: the system tells %d fields", len(fields))
		}
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("measure CPU: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}

// Memory returns what of the process is in memory, in bytes.
func (p *Process) Memory() (int64, error) { return p.memory("VmRSS") }

// PeakMemory returns the most that ever was, or was since ResetPeak.
func (p *Process) PeakMemory() (int64, error) { return p.memory("VmHWM") }

// ResetPeak forgets the peak.
func (p *Process) ResetPeak() error {
	if err := os.WriteFile(p.path("clear_refs"), []byte("5"), 0); err != nil {
		return fmt.Errorf("measure memory: %w", err)
	}
	return nil
}

func (p *Process) memory(figure string) (int64, error) {
	data, err := os.ReadFile(p.path("status"))
	if err != nil {
		return 0, fmt.Errorf("measure memory: %w", err)
	}
	return parseMemory(string(data), figure)
}

// parseMemory reads a figure of /proc/PID/status.
func parseMemory(status, figure string) (int64, error) {
	for line := range strings.Lines(status) {
		name, value, _ := strings.Cut(line, ":")
		if name != figure {
			continue
		}
		kilobytes, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("measure memory: %w", err)
		}
		return kilobytes << 10, nil
	}
	return 0, fmt.Errorf("measure memory: the system tells no %s", figure)
}

// path names a file of the process in /proc.
func (p *Process) path(name string) string {
	return fmt.Sprintf("/proc/%d/%s", p.command.Process.Pid, name)
}
