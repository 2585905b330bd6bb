package invariants

import (
	"testing"

	"github.com/ptcheck/ptcheck/model"
)

func TestTablesReserved(t *testing.T) {
	st, end := store(root, 16), model.Step{Op: model.OpCallEnd}
	started := phase(model.PhaseStarted)
	both := func(fs ...func(*scene)) func(*scene) {
		return func(x *scene) {
			for _, f := range fs {
				f(x)
			}
		}
	}
	fixmap := func(x *scene) {
		started(x)
		x.L.Kernel.FixTop, x.L.Kernel.NrFixed = 0x3f000, 3
		x.set(root, 15, entry(7, upper))
		x.set(root, 12, entry(8, upper))
	}
	trySteps(t, "tables-reserved", []stepCase{
		{"page of the allocator", false, started, set(root, 4, entry(empty, upper)), st, "held"},
		{"page of nobody", false, started, set(root, 4, entry(data, upper)), st, "broken"},
		{"page below the allocator's", false, started, set(root, 4, entry(second, upper)), st, "broken"},
		{"table of the start of the day", false, started, set(root, 4, entry(2, upper)), st, "silent"},
		{"in a guest", true, started, set(root, 12, entry(data, upper)), model.Step{Op: model.OpMMUUpdate}, "broken"},
		{"root of nobody", true, started, func(x *scene) { x.CPU.CR3 = second }, model.Step{Op: model.OpNewBaseptr}, "broken"},
		{"good tables at the end", false, started, nil, end, "silent"},
		{"one table in two places", false, started, both(set(root, 12, entry(empty, upper)), set(root, 13, entry(empty, upper))), end, "broken"},
		{"one table low and high", false, started, both(set(root, 4, entry(empty, upper)), set(root, 13, entry(empty, upper))), end, "held"},
		{"one table at two levels", false, started, both(set(root, 4, entry(root, upper))), end, "broken"},
		{"leaf in the fixmap", false, fixmap, set(7, 2, entry(data, final)), store(7, 8), "silent"},
		{"leaf below the fixmap", false, fixmap, set(7, 0, entry(data, final)), store(7, 0), "broken"},
		{"leaf between low memory and the fixmap", false, fixmap, set(8, 0, entry(data, final)), store(8, 0), "broken"},
		{"such a leaf of the start of the day", false, func(x *scene) { fixmap(x); x.set(8, 0, entry(data, 7)) }, set(8, 0, entry(data, final)), store(8, 0), "silent"},
		{"table with such a leaf is linked", false, func(x *scene) { fixmap(x); x.set(root, 12, 0); x.set(8, 0, entry(data, final)) }, set(root, 12, entry(8, upper)), store(root, 48), "broken"},
		{"empty table is linked there", false, func(x *scene) { fixmap(x); x.set(root, 12, 0) }, set(root, 12, entry(8, upper)), store(root, 48), "held"},
		{"leaf of low memory", false, started, set(3, 1, entry(9, model.Present)), store(3, 4), "silent"},
		{"leaf beyond low memory", false, func(x *scene) { started(x); x.L.Kernel.MaxLowPFN = 13; x.set(4, 2, 0) }, set(4, 2, entry(14, final)), store(4, 8), "broken"},
	})
}

func TestIdentityKept(t *testing.T) {
	low := func(x *scene) { x.set(root, 0, entry(firstL1, upper)) }
	end := model.Step{Op: model.OpCallEnd}
	trySteps(t, "identity-kept", []stepCase{
		{"kept", false, low, nil, end, "held"},
		{"flags changed", false, low, set(root, 0, entry(firstL1, model.Present)), store(root, 0), "silent"},
		{"gone", false, low, set(root, 0, 0), store(root, 0), "broken"},
		{"elsewhere", false, low, set(root, 0, entry(2, upper)), store(root, 0), "broken"},
		{"a page of it gone", false, low, set(firstL1, 1, 0), store(firstL1, 4), "broken"},
		{"in the zap", false, low, set(root, 0, 0), model.Step{Op: model.OpStore, Call: model.Call{Kind: model.CallZap}}, "silent"},
		{"after the zap", false, func(x *scene) { low(x); x.State.Kernel.Phase = model.PhaseZapped }, set(root, 0, 0), store(root, 0), "silent"},
		{"in a guest", true, low, set(root, 0, 0), model.Step{Op: model.OpMMUUpdate}, "silent"},
		{"the high half", false, low, set(root, 9, 0), store(root, 36), "silent"},
	})
	for _, c := range []struct {
		name  string
		phase model.Phase
		e     model.Entry
		want  string
	}{
		{"no identity during construction", model.PhaseStarted, 0, "silent"},
		{"shared with the kernel", model.PhaseDone, entry(1, model.Present), "held"},
		{"a copy of it", model.PhaseDone, entry(10, model.Present), "held"},
		{"none after construction", model.PhaseDone, 0, "broken"},
		{"the zero page", model.PhaseLoaded, entry(9, model.Present), "broken"},
	} {
		var x scene
		x.wide(t, "identity-kept", false)
		x.State.Kernel.Phase = c.phase
		for i := range 3 {
			x.set(10, i, x.Entry(x.L.Geo, 1, i))
		}
		x.set(0, 0, c.e)
		x.Commit()
		x.c.Begin(x.State)
		if got := x.take(end); got != c.want {
			t.Errorf("%s: %s, want %s; %+v", c.name, got, c.want, x.c.Detail)
		}
	}
}

func TestDirectMapComplete(t *testing.T) {
	done := func(more ...func(*scene)) func(*scene) {
		return func(x *scene) {
			phase(model.PhaseDone)(x)
			x.L.Kernel.FixTop, x.L.Kernel.NrFixed = 0x3f000, 3
			x.set(root, 15, entry(empty, upper))
			for _, m := range more {
				m(x)
			}
		}
	}
	pkmap := func(x *scene) { x.L.Kernel.Highmem, x.L.Kernel.PkmapBase, x.L.Kernel.LastPkmap = true, 0x38000, 4 }
	end := func(kind model.CallKind) model.Step {
		return model.Step{Op: model.OpCallEnd, Call: model.Call{Kind: kind, Start: 0x3c000, End: 0}}
	}
	// started is a kernel under construction; at the end of its range call more
	// must be true.
	started := func(more ...func(*scene)) func(*scene) {
		return done(append(more, func(x *scene) { x.State.Kernel.Phase = model.PhaseStarted })...)
	}
	trySteps(t, "direct-map-complete", []stepCase{
		{"setup_done ends", false, done(), nil, end(model.CallSetupDone), "held"},
		{"in a guest", true, done(), nil, end(model.CallSetupDone), "held"},
		{"a later call ends", false, done(), nil, end(model.CallZap), "silent"},
		{"a page is not mapped", false, done(set(3, 1, 0)), nil, end(model.CallSetupDone), "broken"},
		{"nor later", false, done(set(3, 1, 0)), nil, end(model.CallZap), "broken"},
		{"a table is missing", false, done(set(root, 11, 0)), nil, end(model.CallSetupDone), "broken"},
		{"during construction", false, started(set(3, 1, 0)), nil, end(model.CallMap), "silent"},
		{"no fixmap", false, done(set(root, 15, 0)), nil, end(model.CallSetupDone), "broken"},
		{"no pkmap", false, done(pkmap), nil, end(model.CallSetupDone), "broken"},
		{"pkmap", false, done(pkmap, set(root, 14, entry(7, upper))), nil, end(model.CallSetupDone), "held"},
		{"range made", false, started(), nil, end(model.CallRange), "silent"},
		{"range not made", false, started(set(root, 15, 0)), nil, end(model.CallRange), "broken"},
		{"range of the wrong place", false, started(set(root, 15, 0), set(root, 12, entry(empty, upper))), nil,
			model.Step{Op: model.OpCallEnd, Call: model.Call{Kind: model.CallRange, Start: 0x30000, End: 0x34000}}, "broken"},
		{"large pages", false, done(func(x *scene) {
			x.CPU.CR4 |= model.CR4PSE
			x.set(root, 11, entry(12, final|model.PSE))
		}), nil, end(model.CallSetupDone), "held"},
	})
}

func TestStoresStay(t *testing.T) {
	handed := phase(model.PhaseStarted)
	trySteps(t, "stores-stay", []stepCase{
		{"root", false, nil, nil, store(root, 0), "held"},
		{"leaf table", false, nil, nil, store(2, 0), "held"},
		{"data", false, nil, nil, store(data, 0), "broken"},
		{"data cleared", false, nil, nil, model.Step{Op: model.OpClearPage, Frame: data}, "broken"},
		{"page of the allocator", false, handed, nil, store(7, 0), "held"},
		{"page that the allocator has not handed out", false, handed, nil, store(data, 0), "broken"},
		{"page that is nobody's", false, nil, nil, store(model.NoFrame, 0), "broken"},
		{"second root, in no use", true, nil, nil, model.Step{Op: model.OpMMUUpdate, Frame: second}, "broken"},
		{"refused", true, nil, nil, model.Step{Op: model.OpMMUUpdate, Frame: second, Errno: model.EINVAL}, "silent"},
		{"flush", false, nil, nil, model.Step{Op: model.OpFlush}, "silent"},
	})
}

func TestRootPinned(t *testing.T) {
	pin := func(f model.Frame, level int) func(*scene) {
		return func(x *scene) {
			x.State.Kernel.Phase = model.PhaseDone
			x.SetInfo(f, model.FrameInfo{Typ: model.TableType(level), Flags: model.Pinned, T: 1, G: 1})
		}
	}
	end := model.Step{Op: model.OpCallEnd}
	trySteps(t, "root-pinned", []stepCase{
		{"pinned", true, pin(root, 2), nil, end, "held"},
		{"pinned as something else", true, pin(root, 1), nil, end, "broken"},
		{"another one pinned", true, pin(second, 2), nil, end, "broken"},
		{"not pinned", true, func(x *scene) { x.State.Kernel.Phase = model.PhaseDone }, nil, end, "broken"},
		{"not yet done", true, nil, nil, end, "silent"},
		{"natively", false, func(x *scene) { x.State.Kernel.Phase = model.PhaseDone }, nil, end, "silent"},
	})
}

func TestSetupIdempotent(t *testing.T) {
	step := func(op model.Op, kind model.CallKind) model.Step {
		c := model.Call{Kind: kind, From: 8, To: 12, Start: 0x3c000}
		if kind == model.CallFixmap {
			c.From, c.Index = 9, 2
		}
		return model.Step{Op: op, Call: c}
	}
	begin := func(k model.CallKind) stepped { return stepped{nil, step(model.OpCallBegin, k), "silent"} }
	end := func(k model.CallKind, want string) stepped { return stepped{nil, step(model.OpCallEnd, k), want} }
	do := func(k model.CallKind, e func(*scene)) stepped { return stepped{e, step(model.OpStore, k), "silent"} }
	fixmap := func(x *scene) {
		phase(model.PhaseStarted)(x)
		x.L.Kernel.FixTop, x.L.Kernel.NrFixed = 0x3f000, 3
		x.set(root, 15, entry(empty, upper))
	}
	leaf := func(x *scene) { fixmap(x); x.set(empty, 1, entry(9, final)) }
	const m, r, f = model.CallMap, model.CallRange, model.CallFixmap
	bits, uncached := set(3, 1, entry(9, final|1<<9)), set(3, 1, entry(9, final|model.PCD))
	trySequences(t, "setup-idempotent", []sequence{
		{"nothing happens", false, nil, []stepped{begin(m), end(m, "held")}},
		{"a software bit changes", false, nil, []stepped{begin(m), do(m, bits), end(m, "held")}},
		{"an accessed bit changes", false, nil, []stepped{begin(m), do(m, set(3, 1, entry(9, final&^model.Accessed))), end(m, "held")}},
		{"the cache changes", false, nil, []stepped{begin(m), do(m, uncached), end(m, "broken")}},
		{"a software bit, then the cache", false, nil, []stepped{begin(m), do(m, bits), do(m, uncached), end(m, "broken")}},
		{"the table becomes a large page", false, nil, []stepped{begin(m), do(m, func(x *scene) {
			x.CPU.CR4 |= model.CR4PSE
			x.set(root, 10, entry(8, final|model.PSE))
		}), end(m, "silent")}},
		{"an absent entry changes", false, set(root, 12, 0), []stepped{begin(m), do(m, set(root, 12, 1<<9)), end(m, "held")}},
		{"it changes back", false, nil, []stepped{begin(m), do(m, uncached), do(m, set(3, 1, entry(9, final))), end(m, "held")}},
		{"leaf was not final", false, set(3, 1, entry(9, 7)), []stepped{begin(m), do(m, bits), end(m, "silent")}},
		{"a page is allocated", false, nil, []stepped{begin(m), {nil, step(model.OpBootmem, m), "silent"}, end(m, "broken")}},
		{"read-only leaf of a guest", true, set(3, 1, entry(9, final&^model.RW)), []stepped{begin(m), end(m, "held")}},
		{"it becomes writable", true, set(3, 1, entry(9, final&^model.RW)), []stepped{begin(m), do(m, set(3, 1, entry(9, final))), end(m, "broken")}},
		{"range is there", false, fixmap, []stepped{begin(r), end(r, "held")}},
		{"range is there and grows", false, fixmap, []stepped{begin(r), do(r, set(root, 14, entry(7, upper))), end(r, "broken")}},
		{"range is not there", false, nil, []stepped{begin(r), do(r, set(root, 15, entry(7, upper))), end(r, "silent")}},
		{"fixmap leaf is there", false, leaf, []stepped{begin(f), end(f, "held")}},
		{"fixmap leaf is there and moves", false, leaf, []stepped{begin(f), do(f, set(empty, 1, entry(8, final))), end(f, "broken")}},
		{"no fixmap leaf", false, fixmap, []stepped{begin(f), do(f, set(empty, 1, entry(9, final))), end(f, "silent")}},
	})
}

func TestRefusalsHeeded(t *testing.T) {
	up := func(rc model.Errno, want string) stepped {
		return stepped{nil, model.Step{Op: model.OpUpdateVA, Errno: rc}, want}
	}
	op := func(o model.Op, want string) stepped { return stepped{nil, model.Step{Op: o}, want} }
	do := func(e func(*scene), want string) stepped { return stepped{e, model.Step{Op: model.OpUpdateVA}, want} }
	begin := op(model.OpCallBegin, "silent")
	trySequences(t, "refusals-heeded", []sequence{
		{"granted", true, nil, []stepped{begin, up(model.OK, "silent"), op(model.OpCallEnd, "held")}},
		{"nothing asked", true, nil, []stepped{begin, op(model.OpCallEnd, "silent")}},
		{"refused, and the call ends", true, nil, []stepped{begin, up(model.EINVAL, "silent"), op(model.OpCallEnd, "broken")}},
		{"refused, and another request", true, nil, []stepped{begin, up(model.EINVAL, "silent"), up(model.OK, "broken")}},
		{"refused twice", true, nil, []stepped{begin, up(model.EINVAL, "silent"), up(model.EINVAL, "broken")}},
		{"refused, and a page allocated", true, nil, []stepped{begin, up(model.EINVAL, "silent"), op(model.OpBootmem, "broken")}},
		{"refused, and another call begins", true, nil, []stepped{begin, up(model.EINVAL, "silent"), op(model.OpCallBegin, "broken")}},
		{"interrupted, and made again", true, nil, []stepped{begin, up(model.ERESTART, "silent"), up(model.OK, "silent"), op(model.OpCallEnd, "held")}},
		{"interrupted twice", true, nil, []stepped{begin, up(model.ERESTART, "silent"), up(model.EINTR, "silent"), up(model.OK, "silent"), op(model.OpCallEnd, "held")}},
		{"interrupted, made again and refused", true, nil, []stepped{begin, up(model.ERESTART, "silent"), up(model.EINVAL, "silent"), op(model.OpCallEnd, "broken")}},
		{"interrupted, and the call ends", true, nil, []stepped{begin, up(model.ERESTART, "silent"), op(model.OpCallEnd, "broken")}},
		{"interrupted, and another request", true, nil, []stepped{begin, up(model.ERESTART, "silent"), op(model.OpPin, "broken")}},
		{"interrupted, and another call begins", true, nil, []stepped{begin, up(model.ERESTART, "silent"), op(model.OpCallBegin, "broken")}},
		{"taken back", true, nil, []stepped{
			begin, do(set(3, 1, 0), "silent"), up(model.EINVAL, "silent"), op(model.OpFlush, "silent"),
			do(set(3, 1, entry(9, final)), "silent"), op(model.OpCallEnd, "held")}},
		{"not all taken back", true, nil, []stepped{
			begin, do(set(3, 1, 0), "silent"), do(set(3, 2, 0), "silent"), up(model.EINVAL, "silent"),
			do(set(3, 1, entry(9, final)), "silent"), op(model.OpCallEnd, "broken")}},
		{"something else instead", true, nil, []stepped{
			begin, do(set(3, 1, 0), "silent"), up(model.EINVAL, "silent"), do(set(3, 1, entry(10, final)), "broken")}},
	})
}

func TestHookOrder(t *testing.T) {
	hook := func(h model.Hook, kind model.CallKind, f model.Frame, want string) stepped {
		return stepped{nil, model.Step{Op: model.OpHook, Hook: h, Frame: f, Call: model.Call{Kind: kind}}, want}
	}
	op := func(o model.Op, kind model.CallKind, e func(*scene), want string) stepped {
		return stepped{e, model.Step{Op: o, Call: model.Call{Kind: kind}}, want}
	}
	begin := func(k model.CallKind) stepped { return op(model.OpCallBegin, k, nil, "silent") }
	take := func(k model.CallKind) stepped {
		return stepped{nil, model.Step{Op: model.OpBootmem, Frame: empty, Call: model.Call{Kind: k}}, "silent"}
	}
	link, started := set(root, 12, entry(empty, upper)), phase(model.PhaseStarted)
	variants := func(p model.Phase, v model.Variant) func(*scene) {
		return func(x *scene) { x.State.Kernel.Phase, x.State.Kernel.SetPTE, x.State.Kernel.AllocPT = p, v, v }
	}
	const r, s, d = model.CallRange, model.CallSetupStart, model.CallSetupDone
	const end = model.OpCallEnd
	trySequences(t, "hook-order", []sequence{
		{"alloc, link", false, started, []stepped{begin(r), hook(model.HookAllocPT, r, empty, "silent"), op(model.OpStore, r, link, "held")}},
		{"link without alloc", false, started, []stepped{begin(r), take(r), op(model.OpStore, r, link, "broken")}},
		{"hook of another level", false, started, []stepped{begin(r), take(r), hook(model.HookAllocPD, r, empty, "silent"), op(model.OpStore, r, link, "broken")}},
		{"another frame", false, started, []stepped{begin(r), take(r), hook(model.HookAllocPT, r, 7, "silent"), op(model.OpStore, r, link, "broken")}},
		{"allocated and heard of in an earlier call", false, started, []stepped{begin(r), take(r), hook(model.HookAllocPT, r, empty, "silent"), begin(r), op(model.OpStore, r, link, "silent")}},
		{"heard of in an earlier call, allocated now", false, started, []stepped{begin(r), hook(model.HookAllocPT, r, empty, "silent"), begin(r), take(r), op(model.OpStore, r, link, "broken")}},
		{"table that was there", false, started, []stepped{begin(r), op(model.OpStore, r, set(root, 4, entry(2, upper)), "silent")}},
		{"in setup_start", false, started, []stepped{begin(s), op(model.OpStore, s, link, "silent")}},
		{"alloc before setup_start", false, nil, []stepped{begin(r), hook(model.HookAllocPT, r, empty, "broken")}},
		{"setup_start", false, nil, []stepped{begin(s), hook(model.HookSetupStart, s, root, "silent"), hook(model.HookAllocPD, s, root, "silent"), op(end, s, nil, "held")}},
		{"setup_start that keeps the root to itself", false, nil, []stepped{begin(s), hook(model.HookSetupStart, s, root, "silent"), op(end, s, nil, "broken")}},
		{"setup_start of a guest", true, nil, []stepped{begin(s), hook(model.HookSetupStart, s, root, "silent"), op(end, s, nil, "held")}},
		{"setup_start that calls nobody", false, nil, []stepped{begin(s), op(end, s, nil, "broken")}},
		{"setup_start again", false, started, []stepped{begin(s), hook(model.HookSetupStart, s, root, "broken")}},
		{"setup_done", false, started, []stepped{begin(d), hook(model.HookSetupDone, d, root, "silent"), op(end, d, nil, "held")}},
		{"setup_done first", false, nil, []stepped{begin(d), hook(model.HookSetupDone, d, root, "broken")}},
		{"release of a table in use", false, started, []stepped{begin(r), hook(model.HookReleasePT, r, 2, "broken")}},
		{"release after unlinking", false, started, []stepped{begin(r), op(model.OpStore, r, set(root, 9, 0), "silent"), hook(model.HookReleasePT, r, 2, "silent")}},
		{"early setters during construction", true, variants(model.PhaseStarted, model.VariantInit), []stepped{op(end, r, nil, "silent")}},
		{"late setters during construction", true, variants(model.PhaseStarted, model.VariantLate), []stepped{op(end, r, nil, "broken")}},
		{"no setters during construction", true, variants(model.PhaseStarted, model.VariantNone), []stepped{op(end, r, nil, "broken")}},
		{"late setters after it", true, variants(model.PhaseDone, model.VariantLate), []stepped{op(end, r, nil, "silent")}},
		{"early setters after it", true, variants(model.PhaseDone, model.VariantInit), []stepped{op(end, r, nil, "broken")}},
		{"one setter for all phases, natively", false, variants(model.PhaseStarted, model.VariantLate), []stepped{op(end, r, nil, "silent")}},
	})
}

// TestRootMapsText looks at the kernel's text, the zero page and init_mm.
func TestRootMapsText(t *testing.T) {
	leaf := func(f model.Frame, e model.Entry) func(*scene) {
		return func(x *scene) { x.set(2+f/4, int(f%4), e) }
	}
	upperNX := func(x *scene) { x.set(1, 0, entry(2, upper|model.NX)) }
	initMM := func(f model.Frame) func(*scene) { return func(x *scene) { x.State.Kernel.InitMM = f } }
	st, end := store(2, 8), model.Step{Op: model.OpCallEnd}
	for _, c := range []struct {
		name string
		nxe  bool
		edit func(*scene)
		step model.Step
		want string
	}{
		{"text as it was", true, leaf(1, entry(1, final)), st, "silent"},
		{"text not executable", true, leaf(1, entry(1, final|model.NX)), st, "broken"},
		{"text not executable, further up", true, upperNX, store(1, 0), "broken"},
		{"the same bit where nobody looks at it", false, leaf(1, entry(1, final|model.NX)), st, "silent"},
		{"page after the text not executable", true, leaf(2, entry(2, final|model.NX)), st, "silent"},
		{"text not mapped", true, leaf(0, 0), st, "broken"},
		{"text read-only", true, leaf(1, entry(1, model.Present)), st, "silent"},
		{"text elsewhere", true, leaf(1, entry(5, final)), st, "broken"},
		{"page after the text not mapped", true, leaf(2, 0), st, "silent"},
		{"zero page not mapped", true, leaf(9, 0), st, "broken"},
		{"init_mm has the root", true, initMM(0), end, "silent"},
		{"init_mm has another root", true, initMM(1), end, "broken"},
	} {
		var x scene
		x.wide(t, "root-valid", c.nxe)
		x.State.Kernel.InitMM = 0
		c.edit(&x)
		if got := x.take(c.step); got != c.want {
			t.Errorf("%s: %s, want %s; %+v", c.name, got, c.want, x.c.Detail)
		}
	}
}

// TestFixmapFlags looks at the attributes of a fixmap leaf.
func TestFixmapFlags(t *testing.T) {
	for _, c := range []struct {
		name  string
		kind  model.CallKind
		guest bool
		flags model.Entry
		want  string
	}{
		{"own", model.CallFixmap, false, final, "held"},
		{"own, read-only", model.CallFixmap, false, final &^ model.RW, "broken"},
		{"alias", model.CallAlias, false, final &^ model.RW, "held"},
		{"alias, writable", model.CallAlias, false, final, "broken"},
		{"open to user code", model.CallFixmap, false, final | model.User, "broken"},
		{"open to user code, in a guest", model.CallFixmap, true, final | model.User, "broken"},
		{"not cached", model.CallFixmap, false, final | model.PCD, "broken"},
		{"written through", model.CallFixmap, false, final | model.PWT, "broken"},
		{"global without PGE, which is ignored", model.CallFixmap, false, final | model.Global, "held"},
		{"not dirty", model.CallFixmap, false, final &^ model.Dirty, "held"},
		{"software bit", model.CallFixmap, false, final | 1<<9, "held"},
	} {
		x := newScene(t, "fixmap-lands", c.guest)
		x.L.Kernel.FixTop, x.L.Kernel.NrFixed = 0x3f000, 3
		x.set(root, 15, entry(empty, upper))
		x.set(empty, 1, entry(9, c.flags))
		st := model.Step{Op: model.OpCallEnd, Call: model.Call{Kind: c.kind, From: 9, Index: 2}}
		if got := x.take(st); got != c.want {
			t.Errorf("%s: %s, want %s; %+v", c.name, got, c.want, x.c.Detail)
		}
	}
}
