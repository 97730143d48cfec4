// @solana/kit against a localnet: airdrop, build, sign, send and confirm a payment.
import {
  AccountRole, address, airdropFactory, appendTransactionMessageInstruction, assertIsTransactionWithBlockhashLifetime,
  createSolanaRpc, createSolanaRpcSubscriptions, createTransactionMessage, generateKeyPairSigner,
  getSignatureFromTransaction, lamports, pipe, sendAndConfirmTransactionFactory, setTransactionMessageFeePayerSigner,
  setTransactionMessageLifetimeUsingBlockhash, signTransactionMessageWithSigners,
} from '@solana/kit';

const rpc = createSolanaRpc(process.argv[2]);
const rpcSubscriptions = createSolanaRpcSubscriptions(process.argv[3]);
const payer = await generateKeyPairSigner();
const target = await generateKeyPairSigner();
await airdropFactory({ rpc, rpcSubscriptions })({
  recipientAddress: payer.address, lamports: lamports(2_000_000_000n), commitment: 'confirmed',
});
const { value: life } = await rpc.getLatestBlockhash().send();
const data = new Uint8Array(12);
new DataView(data.buffer).setUint32(0, 2, true);
new DataView(data.buffer).setBigUint64(4, 1_000_000_000n, true);
const payment = {
  programAddress: address('11111111111111111111111111111111'),
  accounts: [
    { address: payer.address, role: AccountRole.WRITABLE_SIGNER },
    { address: target.address, role: AccountRole.WRITABLE },
  ],
  data,
};
const message = pipe(
  createTransactionMessage({ version: 0 }),
  (m) => setTransactionMessageFeePayerSigner(payer, m),
  (m) => setTransactionMessageLifetimeUsingBlockhash(life, m),
  (m) => appendTransactionMessageInstruction(payment, m),
);
const transaction = await signTransactionMessageWithSigners(message);
assertIsTransactionWithBlockhashLifetime(transaction);
await sendAndConfirmTransactionFactory({ rpc, rpcSubscriptions })(transaction, { commitment: 'confirmed' });
const signature = getSignatureFromTransaction(transaction);
const { value: balance } = await rpc.getBalance(target.address, { commitment: 'confirmed' }).send();
const kept = await rpc
  .getTransaction(signature, { commitment: 'confirmed', encoding: 'json', maxSupportedTransactionVersion: 0 })
  .send();
const { value: account } = await rpc.getAccountInfo(target.address, { encoding: 'base64' }).send();
const { value: parsed } = await rpc
  .getAccountInfo(address('So11111111111111111111111111111111111111112'), { encoding: 'jsonParsed' })
  .send();
console.log(JSON.stringify({
  signature,
  balance: balance.toString(),
  fee: kept.meta.fee.toString(),
  lamports: account.lamports.toString(),
  decimals: parsed.data.parsed.info.decimals,
}));
process.exit(0);
