/* Pieces of a text, and where another piece stands in them.
 *
 * A slice owns nothing and ends where it says, not at a zero.
 */
#ifndef SNIPERFORGE_DETECT_TEXT_H
#define SNIPERFORGE_DETECT_TEXT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

typedef struct { const char *at; size_t size; } slice;

#define TEXT(literal) ((slice){literal, sizeof(literal) - 1})

/* What stands before a payload, and how the ordinary notification starts. */
static const slice DATA = TEXT("Program data: ");
static const slice NOTIFICATION = TEXT("{\"jsonrpc\":\"2.0\",\"method\":\"logsNotification\"");

#if defined(__SSE2__)
/* Which of sixteen places have the first letter there and the last one *reach* behind it. */
static __m128i both(const char *at, size_t reach, __m128i head, __m128i foot)
{
    __m128i heads = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)at), head);
    return _mm_and_si128(heads, _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(at + reach)), foot));
}
#endif

/* The first place of *word* in *text*, or NULL. Sixteen places at a time are asked for its first and
 * its last letter at once; both are right by chance so rarely that the letters between cost nothing. */
static const char *find(slice text, slice word)
{
    if (!word.size) return text.at;
    if (text.size < word.size) return NULL;
    const char *at = text.at, *last = text.at + (text.size - word.size);
#if defined(__SSE2__)
    const __m128i head = _mm_set1_epi8(word.at[0]), foot = _mm_set1_epi8(word.at[word.size - 1]);
    const size_t reach = word.size - 1;
    for (; last - at >= 15; at += 16) {
        /* Sixty-four places without one are the rule. */
        while (last - at >= 63) {
            __m128i any = _mm_or_si128(_mm_or_si128(both(at, reach, head, foot), both(at + 16, reach, head, foot)),
                                       _mm_or_si128(both(at + 32, reach, head, foot), both(at + 48, reach, head, foot)));
            if (_mm_movemask_epi8(any)) break;
            at += 64;
        }
        if (last - at < 15) break;
        unsigned places = (unsigned)_mm_movemask_epi8(both(at, reach, head, foot));
        for (; places; places &= places - 1) {
            const char *place = at + __builtin_ctz(places);
            if (!memcmp(place, word.at, word.size)) return place;
        }
    }
#endif
    for (; at <= last; at++)
        if (*at == word.at[0] && !memcmp(at, word.at, word.size)) return at;
    return NULL;
}

static int holds(slice text, slice word) { return find(text, word) != NULL; }

static int starts(slice text, slice word)
{
    return text.size >= word.size && !memcmp(text.at, word.at, word.size);
}

static int ends(slice text, slice word)
{
    return text.size >= word.size && !memcmp(text.at + (text.size - word.size), word.at, word.size);
}

static slice behind(slice text, size_t size) { return (slice){text.at + size, text.size - size}; }

#endif
