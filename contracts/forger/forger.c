/* A liar: says what other programs would say, without being them.
 *
 * kind byte + payload -> a forged log line, event or call
 *
 * 0: `Program data:` with the payload, as an Anchor event would stand there.
 * 1: `Program log:` with the payload as text.
 * 2: a call to itself with the payload, as an event by self-CPI would stand
 *    there; account 0 must be this program.
 * 3: like 1, then 0: u16 length of the text, text, event.
 * Anything else is accepted and says `Instruction: Initialize`: its data and
 * accounts may then look like any program's creation.
 *
 * A detector that believes a line without asking who printed it believes this.
 */
#include "../solana.h"

static void data_line(const u8 *bytes, u64 len) {
    seed(0, bytes, len);
    sol_log_data(CTX->seeds, 1);
}

STATIC u64 call_itself(void) {
    if (CTX->accounts_len < 1) return 1;
    begin(CTX->accounts[0].key);
    CTX->call.data = CTX->data + 1;
    CTX->call.data_len = CTX->data_len - 1;
    return run(0);
}

u64 entrypoint(u8 *input) {
    if (read_input(input)) return 1;
    u8 *data = CTX->data;
    u64 len = CTX->data_len;
    if (len > 1 && data[0] == 0) data_line(data + 1, len - 1);
    else if (len > 1 && data[0] == 1) sol_log_(data + 1, len - 1);
    else if (len > 1 && data[0] == 2) return call_itself();
    else if (len > 3 && data[0] == 3) {
        u64 text_len = *(u16 *)(data + 1);
        if (text_len > len - 3) return 2;
        sol_log_(data + 3, text_len);
        data_line(data + 3 + text_len, len - 3 - text_len);
    } else say("Instruction: Initialize");
    return 0;
}
