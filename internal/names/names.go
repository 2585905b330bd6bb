// Package names guesses which name was meant by one that there is not.
package names

import "strings"

// DidYouMean is what to add to a refusal of a name: the one that was probably
// meant, "" where none is near.
func DidYouMean(word string, known []string) string {
	if guess := Nearest(word, known); guess != "" {
		return "; did you mean " + guess + "?"
	}
	return ""
}

// Nearest returns the name that differs least from a word, "" if none is near.
// A name that begins with the word, or the other way round, is near.
func Nearest(word string, known []string) string {
	best, least := "", max(1, len(word)/3)+1
	for _, n := range known {
		d := distance(strings.ToLower(word), strings.ToLower(n))
		if len(word) > 2 && (strings.HasPrefix(n, word) || strings.HasPrefix(word, n)) {
			d = 1
		}
		if d < least {
			best, least = n, d
		}
	}
	return best
}

// distance is the number of letters to insert, delete, replace or swap with the
// next that turns a into b.
func distance(a, b string) int {
	var rows [3][]int // of the last three letters of a
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
	}
	for i := 0; i <= len(a); i++ {
		now, last, before := rows[i%3], rows[(i+2)%3], rows[(i+1)%3]
		for j := 0; j <= len(b); j++ {
			switch {
			case i == 0 || j == 0:
				now[j] = i + j
			case a[i-1] == b[j-1]:
				now[j] = last[j-1]
			default:
				now[j] = 1 + min(last[j-1], last[j], now[j-1])
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					now[j] = min(now[j], 1+before[j-2])
				}
			}
		}
	}
	return rows[len(a)%3][len(b)]
}
