/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that C hooks run in. It carries out one call at a time, which it reads from
 * descriptor 3, and writes what the hook asks for to descriptor 4, with where it does.
 * Package chooks is at the other end.
 */
#define _GNU_SOURCE
#include "ptcheck.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

enum { MOST_TABLES = 64, MOST_FRAMES = 64, MOST_TEXT = 1024, STACK_REACH = 1 << 26 };

/* What is sent: struct message, then the three texts, then the return addresses. */
struct message {
	uint32_t kind, line;
	uint64_t arg[3];
	uint32_t nfile, nfunc, ntext, nframes;
};
struct order {
	uint64_t hook, arg[3];
};
struct reply {
	uint64_t gone; /* nobody waits for the hook to go on */
	uint64_t value;
};

/* The state of this process lies where hooks' variables do not. */
struct process {
	const struct pv_hooks *table;
	sigjmp_buf back; /* to the loop, out of a call */
	char *bottom;    /* of the stack, as main has it */
	struct ptcheck_site last; /* of this call */
	uintptr_t hook;           /* the function that was called */
	char *data, *bss; /* the first values of all variables */
	char stack[1 << 16]; /* of signal handlers */
};
static struct process *process;
static const struct pv_hooks *tables[MOST_TABLES];
static int ntables;

extern char __data_start[], _edata[], __bss_start[], _end[];
extern char __start_ptcheck_scratch[] __attribute__((weak));
extern char __stop_ptcheck_scratch[] __attribute__((weak));

void ptcheck_register(const struct pv_hooks *table)
{
	if (ntables < MOST_TABLES)
		tables[ntables++] = table;
}

static void transfer(int fd, void *data, size_t n, ssize_t (*step)(int, void *, size_t))
{
	for (char *p = data; n > 0;) {
		ssize_t did = step(fd, p, n);
		if (did <= 0)
			_exit(0); /* the other end is gone */
		p += did;
		n -= (size_t)did;
	}
}

static ssize_t put(int fd, void *data, size_t n) { return write(fd, data, n); }

/* Walks the frames up to main; fp is a frame pointer. */
static uint32_t backtrace_from(uintptr_t fp, uint64_t *frames, uint32_t n)
{
	uintptr_t bottom = (uintptr_t)process->bottom;
	while (n < MOST_FRAMES && fp % sizeof fp == 0 && fp < bottom && fp > bottom - STACK_REACH) {
		uintptr_t *frame = (uintptr_t *)fp;
		frames[n++] = frame[1];
		if (frame[0] <= fp)
			break;
		fp = frame[0];
	}
	return n;
}

static void tell(struct message m, struct ptcheck_site at, const char *text, uint64_t *frames)
{
	char buffer[sizeof m + 3 * MOST_TEXT + MOST_FRAMES * sizeof *frames], *end = buffer + sizeof m;
	const char *texts[] = { at.file, at.func, text };
	uint32_t *lengths[] = { &m.nfile, &m.nfunc, &m.ntext };
	m.line = (uint32_t)at.line;
	for (int i = 0; i < 3; i++) {
		size_t n = texts[i] ? strlen(texts[i]) : 0;
		n = n < MOST_TEXT ? n : MOST_TEXT;
		if (n)
			memcpy(end, texts[i], n);
		*lengths[i] = (uint32_t)n;
		end += n;
	}
	memcpy(end, frames, m.nframes * sizeof *frames);
	end += m.nframes * sizeof *frames;
	memcpy(buffer, &m, sizeof m);
	transfer(4, buffer, (size_t)(end - buffer), put);
}

static uint64_t ask(struct ptcheck_site at, struct message m, const char *text, uintptr_t fp)
{
	uint64_t frames[MOST_FRAMES];
	struct reply r;
	m.nframes = backtrace_from(fp, frames, 0);
	process->last = at;
	tell(m, at, text, frames);
	transfer(3, &r, sizeof r, read);
	if (r.gone)
		siglongjmp(process->back, 1);
	return r.value;
}

uint64_t ptcheck_ask(struct ptcheck_site at, uint32_t op, uint64_t a, uint64_t b, uint64_t c)
{
	return ask(at, (struct message){ .kind = op, .arg = { a, b, c } }, NULL, (uintptr_t)__builtin_frame_address(0));
}

void ptcheck_say(struct ptcheck_site at, uint32_t op, const char *text)
{
	ask(at, (struct message){ .kind = op }, text, (uintptr_t)__builtin_frame_address(0));
}

/* What libc would do with SIGABRT, with a stack that can be followed. */
void abort(void)
{
	ask((struct ptcheck_site){ 0 }, (struct message){ .kind = PTCHECK_DIED }, "abort()", (uintptr_t)__builtin_frame_address(0));
	_exit(0);
}

void __assert_fail(const char *what, const char *file, unsigned int line, const char *func)
{
	char text[MOST_TEXT];
	snprintf(text, sizeof text, "assertion `%s' failed", what);
	ask((struct ptcheck_site){ file, (int)line, func }, (struct message){ .kind = PTCHECK_DIED }, text, (uintptr_t)__builtin_frame_address(0));
	_exit(0);
}

/* died ends this process: after a signal its memory may be anything. */
static void died(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;
	uint64_t frames[MOST_FRAMES];
	uintptr_t pc = 0, fp = 0, sp = 0, at = (uintptr_t)info->si_addr;
#if defined(__x86_64__)
	pc = (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
	fp = (uintptr_t)u->uc_mcontext.gregs[REG_RBP];
	sp = (uintptr_t)u->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
	pc = u->uc_mcontext.pc;
	fp = u->uc_mcontext.regs[29];
	sp = u->uc_mcontext.sp;
#endif
	frames[0] = pc + 1; /* as if it were a return address */
	struct message m = { .kind = sig == SIGVTALRM ? PTCHECK_RUNS : PTCHECK_SIGNAL };
	m.arg[0] = (uint64_t)sig;
	m.arg[1] = at;
	m.arg[2] = sig == SIGSEGV && at + 2 * PAGE_SIZE > sp && at < sp + 2 * PAGE_SIZE;
	m.nframes = backtrace_from(fp, frames, 1);
	tell(m, process->last, NULL, frames);
	_exit(0);
}

static void catch_signals(void)
{
	static const int caught[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGVTALRM };
	/* Those that a terminal sends to all of a command: its end is not for hooks to die of. */
	static const int others[] = { SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGPIPE };
	stack_t own = { .ss_sp = process->stack, .ss_size = sizeof process->stack };
	struct sigaction act = { .sa_sigaction = died, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
	sigaltstack(&own, NULL);
	for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
		sigaction(caught[i], &act, NULL);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		signal(others[i], SIG_IGN);
}

/* patience is how long hooks may compute: processor time, so that a busy machine is no hang. */
static void patience(uint64_t ms)
{
	struct itimerval t = { .it_value = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 } };
	setitimer(ITIMER_VIRTUAL, &t, NULL);
}

static int is_scratch(const char *p)
{
	return __start_ptcheck_scratch && p >= __start_ptcheck_scratch && p < __stop_ptcheck_scratch;
}

/* changed is the first variable's byte that is not what it was, or NULL. */
static char *changed(char *from, char *to, const char *was)
{
	if (!memcmp(from, was, (size_t)(to - from)))
		return NULL;
	for (char *p = from; p < to; p++)
		if (*p != was[p - from] && !is_scratch(p))
			return p;
	return NULL;
}

static void restore(void)
{
	struct process *p = process;
	memcpy(__data_start, p->data, (size_t)(_edata - __data_start));
	memcpy(__bss_start, p->bss, (size_t)(_end - __bss_start));
}

static char *keep(const char *from, const char *to)
{
	char *copy = malloc((size_t)(to - from) + 1);
	if (!copy)
		_exit(1);
	memcpy(copy, from, (size_t)(to - from));
	return copy;
}

static uint64_t carry_out(const struct pv_hooks *h, uint64_t hook, uint64_t a, uint64_t b)
{
	(void)a, (void)b;
	switch (hook) {
#define PTCHECK_HOOK(number, name, call) \
	case number:                     \
		process->hook = (uintptr_t)h->name; \
		call;                    \
		break;
#define PTCHECK_HOOK_VALUE(number, name, call) \
	case number:                           \
		process->hook = (uintptr_t)h->name;    \
		return call;
#include "ptcheck_hooks.h"
#undef PTCHECK_HOOK
#undef PTCHECK_HOOK_VALUE
	}
	return 0;
}

static uint64_t those_set(const struct pv_hooks *h)
{
	uint64_t set = 0;
#define PTCHECK_HOOK(number, name, call) set |= (uint64_t)(h->name != NULL) << number;
#define PTCHECK_HOOK_VALUE PTCHECK_HOOK
#include "ptcheck_hooks.h"
	return set;
}

static void serve(void)
{
	struct order o;
	uint64_t hook;
	struct message done = { .kind = PTCHECK_DONE, .nframes = 1 };
	if (!sigsetjmp(process->back, 1)) {
		transfer(3, &o, sizeof o, read);
		patience(o.arg[2]);
		process->last = (struct ptcheck_site){ 0 };
		done.arg[0] = carry_out(process->table, o.hook, o.arg[0], o.arg[1]);
		patience(0);
		char *bad = changed(__data_start, _edata, process->data);
		if (!bad)
			bad = changed(__bss_start, _end, process->bss);
		done.arg[1] = (uint64_t)(uintptr_t)bad;
		hook = process->hook + 1;
		tell(done, (struct ptcheck_site){ 0 }, NULL, &hook);
	} else {
		patience(0);
	}
	restore();
}

int main(int argc, char **argv)
{
	struct process *p = calloc(1, sizeof *p);
	uint64_t none[1];
	if (!p || argc != 2)
		return 1;
	if (!strcmp(argv[1], "--list")) {
		for (int i = 0; i < ntables; i++)
			puts(tables[i]->name ? tables[i]->name : "");
		return 0;
	}
	for (int i = 0; i < ntables; i++)
		if (tables[i]->name && !strcmp(tables[i]->name, argv[1]))
			p->table = tables[i];
	if (!p->table)
		return 1;
	p->bottom = __builtin_frame_address(0);
	process = p;
	catch_signals();
	p->data = keep(__data_start, _edata);
	p->bss = keep(__bss_start, _end);
	struct message hello = { .kind = PTCHECK_HELLO };
	hello.arg[0] = those_set(p->table);
	hello.arg[1] = p->table->shared_kernel_pmd;
	hello.arg[2] = p->table->boot_variants == PV_YES ? 1u | p->table->boot_set_pte << 8 | p->table->boot_alloc_pt << 16 : 0;
	tell(hello, (struct ptcheck_site){ 0 }, NULL, none);
	for (;;)
		serve();
}
