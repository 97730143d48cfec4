/* A constant-product market maker that speaks Raydium CPMM.
 *
 * initialize | deposit | withdraw | swap_base_input | swap_base_output -> token transfers, logs
 *
 * Our own code with that program's instruction data, account lists, account
 * layouts, addresses, rounding, error numbers and logs, so that a client made
 * for it works unchanged. What is left out: creator fees, Token-2022 transfer
 * fees (such a mint is refused, 6007), price observations, and the owner's
 * instructions. docs/localnet.md lists every difference.
 *
 * Source of the interface: the public IDL of raydium_cp_swap 0.2.0.
 */
#include "initialize.h"
#include "liquidity.h"
#include "swap.h"

static const char *name_of(u64 code) {
    switch (code) {
    case NOT_SIGNER: return "AccountNotSigner";
    case WRONG_SEEDS: return "ConstraintSeeds";
    case WRONG_ADDRESS: return "ConstraintAddress";
    case WRONG_TOKEN_MINT: return "ConstraintTokenMint";
    case WRONG_TOKEN_OWNER: return "ConstraintTokenOwner";
    case WRONG_ACCOUNT_OWNER: return "AccountOwnedByWrongProgram";
    case WRONG_DISCRIMINATOR: return "AccountDiscriminatorMismatch";
    case NOT_APPROVED: return "NotApproved";
    case EXCEEDED_SLIPPAGE: return "ExceededSlippage";
    case ZERO_TRADING_TOKENS: return "ZeroTradingTokens";
    case UNSUPPORTED_MINT: return "NotSupportMint";
    case INVALID_VAULT: return "InvalidVault";
    default: return "Refused";
    }
}

static u64 dispatch(void) {
    if (CTX->data_len < 8) return UNKNOWN_INSTRUCTION;
    switch (load64(CTX->data)) {
    case INITIALIZE: return initialize();
    case DEPOSIT: return deposit();
    case WITHDRAW: return withdraw();
    case SWAP_BASE_INPUT: return swap(1);
    case SWAP_BASE_OUTPUT: return swap(0);
    default: return UNKNOWN_INSTRUCTION;
    }
}

u64 entrypoint(u8 *input) {
    if (read_input(input)) return INVALID_INPUT;
    u64 code = dispatch();
    if (code && code < 100000) {
        CTX->line_len = 0;
        line_text("AnchorError occurred. Error Code: ");
        line_text(name_of(code));
        line_text(". Error Number: ");
        line_number(code);
        line_text(".");
        sol_log_(CTX->line, CTX->line_len);
    }
    return code;
}
