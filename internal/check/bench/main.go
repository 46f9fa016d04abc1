// Bench measures the system and, in the same run, peers to compare it with. It prints
// one line per figure: name, ours, peer, ratio, goal, and ok or SHORT.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	bin := flag.String("bin", ".bin", "folder of the commands")
	round := flag.Duration("round", 4*time.Second, "duration of one measurement")
	old := flag.Duration("snapshot", time.Minute, "age of the snapshot under which appends are measured")
	only := flag.String("only", "appends,home,viewings,snapshot", "figures to measure, comma-separated")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *bin, strings.Split(*only, ","), *round, *old); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, bin string, only []string, round, old time.Duration) error {
	fmt.Printf("%-44s %12s %12s %7s %6s\n", "name", "ours", "peer", "ratio", "goal")
	bin, err := filepath.Abs(bin)
	if err != nil {
		return err
	}
	for _, figure := range []struct {
		name string
		// parts are the parts to run, by default all. Others would use the processors.
		parts   string
		measure func(*system) error
	}{
		{"appends", "messagestore", func(s *system) error { return appends(ctx, s, round) }},
		{"home", "", func(s *system) error { return postToHome(ctx, s) }},
		{"viewings", "", func(s *system) error { return viewings(ctx, s, bin, round) }},
		{"snapshot", "messagestore", func(s *system) error { return underSnapshot(ctx, s, round, old) }},
	} {
		if !slices.Contains(only, figure.name) {
			continue
		}
		if err := with(ctx, bin, figure.parts, figure.measure); err != nil {
			return fmt.Errorf("%s: %w", figure.name, err)
		}
	}
	return nil
}

// with starts a system and runs a measurement on it.
func with(ctx context.Context, bin, parts string, measure func(*system) error) error {
	s, err := start(ctx, bin, parts)
	if err != nil {
		return err
	}
	defer s.stop()
	return measure(s)
}

// reportRate prints calls per second, whose ratio to the peer's should be at least the
// goal.
func reportRate(name string, ours, peer, goal float64) {
	ratio := ours / peer
	fmt.Printf("%-44s %12s %12s %7.2f %6.2f  %s\n", name, amount(ours, "/s"), amount(peer, "/s"), ratio, goal, verdict(ratio >= goal))
}

// reportLatency prints milliseconds that should be below the goal, beside those of the
// peer, or 0 without a peer.
func reportLatency(name string, ours, peer, goal float64) {
	theirs := "-"
	if peer > 0 {
		theirs = amount(peer, "ms")
	}
	fmt.Printf("%-44s %12s %12s %7s %6.0f  %s\n", name, amount(ours, "ms"), theirs, "-", goal, verdict(ours <= goal))
}

func verdict(reached bool) string {
	if reached {
		return "ok"
	}
	return "SHORT"
}

func amount(n float64, unit string) string {
	if n >= 100 {
		return fmt.Sprintf("%.0f%s", n, unit)
	}
	return fmt.Sprintf("%.2f%s", n, unit)
}

// percentile returns the value that the share of the values does not exceed.
func percentile(values []float64, share float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}
