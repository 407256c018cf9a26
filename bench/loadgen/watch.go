package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// A watch follows the CPU time and memory of one process and its descendants.
type watch struct {
	name   string
	pid    int
	cpu    float64 // seconds used before measuring began
	before memory
	peak   memory
}

// watched is what a watch saw while the questions were asked.
type watched struct {
	CPU    float64 `json:"cpu_s"` // user and system
	Before memory  `json:"before"`
	Peak   memory  `json:"peak"`
}

// memory is in MiB.
type memory struct {
	RSS float64 `json:"rss_mib"`
	PSS float64 `json:"pss_mib"`
}

func newWatch(item string) (*watch, error) {
	name, number, _ := strings.Cut(item, "=")
	pid, err := strconv.Atoi(number)
	if err != nil || parent(pid) < 0 {
		return nil, fmt.Errorf("-pids %s: expected NAME=PID of a running process", item)
	}
	return &watch{name: name, pid: pid}, nil
}

func (w *watch) begin() {
	w.cpu, w.before = w.seconds(), w.memory()
	w.peak = w.before
}

// look samples memory, for the peak.
func (w *watch) look() {
	now := w.memory()
	w.peak.RSS, w.peak.PSS = max(w.peak.RSS, now.RSS), max(w.peak.PSS, now.PSS)
}

func (w *watch) end() watched {
	used := w.seconds() - w.cpu
	w.look()
	return watched{used, w.before, w.peak}
}

func (w *watch) seconds() float64 {
	sum := 0.0
	for _, pid := range tree(w.pid) {
		sum += cpuSeconds(pid)
	}
	return sum
}

func (w *watch) memory() memory {
	var sum memory
	for _, pid := range tree(w.pid) {
		one := memoryOf(pid)
		sum.RSS += one.RSS
		sum.PSS += one.PSS
	}
	return sum
}

// cpuSeconds reads the process's CPU clock (clock_getcpuclockid(3)), which
// counts nanoseconds where /proc/PID/stat counts hundredths of a second.
func cpuSeconds(pid int) float64 {
	const sched = 2
	var spent syscall.Timespec
	clock := int32(^pid<<3 | sched)
	if _, _, failed := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(clock), uintptr(unsafe.Pointer(&spent)), 0); failed != 0 {
		return 0
	}
	return float64(spent.Nano()) / 1e9
}

// machineSeconds is the CPU time the whole machine has spent on anything, what
// its host took away included.
func machineSeconds() float64 {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	const userHertz, idle, ioWait, steal = 100, 4, 5, 8
	sum := 0.0
	for i, field := range strings.Fields(string(text))[:steal+1] {
		if ticks, err := strconv.ParseFloat(field, 64); err == nil && i != idle && i != ioWait {
			sum += ticks / userHertz
		}
	}
	return sum
}

func memoryOf(pid int) memory {
	var m memory
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return m
	}
	for _, row := range strings.Split(string(text), "\n") {
		fields := strings.Fields(row)
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseFloat(fields[1], 64)
		switch fields[0] {
		case "Rss:":
			m.RSS = kib / 1024
		case "Pss:":
			m.PSS = kib / 1024
		}
	}
	return m
}

// tree lists a process and all its descendants.
func tree(root int) []int {
	children := map[int][]int{}
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			up := parent(pid)
			children[up] = append(children[up], pid)
		}
	}
	found := []int{root}
	for i := 0; i < len(found); i++ {
		found = append(found, children[found[i]]...)
	}
	return found
}

// parent is the parent's process id, -1 if there is no such process.
func parent(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return -1
	}
	// The name in parentheses may hold anything, parentheses included.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	up, _ := strconv.Atoi(string(fields[1]))
	return up
}
