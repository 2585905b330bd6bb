/*
 * Script lines to result lines. "quiet" sets how much is printed: 0 "R LINE OP
 * = ... RESULT", 1 without OP, 2 one "Q LINE" per reset with the results of its
 * scenario separated by ";".
 */
#include "guest.h"

#define WORDS	20
#define LINE	256

static int is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts a line into words in place; # ends it. */
static unsigned int split(char *p, char **word)
{
	unsigned int n = 0;

	while (n < WORDS) {
		while (is_blank(*p))
			*p++ = 0;
		if (!*p || *p == '#')
			break;
		word[n++] = p;
		while (*p && !is_blank(*p))
			p++;
	}
	*p = 0;
	return n;
}

static void put_line_head(const char *line, unsigned int lineno, int starts)
{
	if (m.quiet >= 2 && !starts) {
		put_char(';');
		return;
	}
	put_str(m.quiet < 2 ? "R " : "\nQ ");
	put_dec(lineno);
	if (!m.quiet) {
		put_char(' ');
		while (*line && *line != '#')
			put_char(*line++);
	}
	put_str(" =");
}

static void put_result(long rc)
{
	put_char(' ');
	if (fault_vec) {
		put_str("fault:");
		put_dec(fault_vec);
		put_char(':');
		put_hex(fault_err);
	} else if (rc == RC_SYNTAX) {
		put_str("syntax");
	} else if (rc == RC_SKIPPED) {
		put_str("skipped");
	} else {
		put_dec(rc);
	}
}

static void run_line(const char *line, unsigned int lineno)
{
	static char copy[LINE];
	char *word[WORDS];
	unsigned int i, n;
	long rc;

	if (line[0] == 't' && line[1] == ' ') {
		put_str("T ");
		put_str(line + 2);
		put_char('\n');
		put_flush();
		return;
	}
	for (i = 0; i < LINE - 1 && line[i]; i++)
		copy[i] = line[i];
	copy[i] = 0;
	n = split(copy, word);
	if (!n)
		return;
	put_line_head(line, lineno, str_eq(word[0], "reset"));
	fault_vec = 0;
	rc = run_op(word, n);
	put_result(rc);
	if (m.quiet < 2) {
		put_char('\n');
		put_flush();	/* so that a crash shows which operation it was */
	}
}

void run_script(const char *text, ulong len)
{
	static char line[LINE];
	unsigned int n = 0, lineno = 1;
	ulong i;

	for (i = 0; i < len && text[i]; i++) {
		if (text[i] != '\n') {
			if (n < LINE - 1)
				line[n++] = text[i];
			continue;
		}
		line[n] = 0;
		n = 0;
		run_line(line, lineno++);
	}
	line[n] = 0;
	run_line(line, lineno);		/* one without an end */
}
