// The tutorial's last lesson: is a pool faster than a loop? With few items, or little work an item, it is not.
//
//   node dist/examples/compare.js 10_000 5_000_000
//
// In: upper ends of ranges that begin at 10. Out: for each, the time of a plain loop and the time of pool.map over the same
// items, on one line each, and what the receipt says about it. Every result is compared before its time is printed.
import { Pool, range } from 'manyhands'

const seconds = (value: number): string => `${value.toFixed(4)} s`

const ends = process.argv.slice(2).map(text => Number(text.replaceAll('_', '')))
if (ends.length === 0) ends.push(10_000, 5_000_000)

for (const end of ends) {
  const items = range(10, end)

  const loopBegan = performance.now()
  const looped = new Float64Array(items.length)
  let at = 0
  for (const x of items) looped[at++] = Math.sqrt(x)
  const loopSeconds = (performance.now() - loopBegan) / 1000

  // Opening the pool is part of its price, as it is in the tutorial. `as: 'f64'` keeps the roots packed, as the loop does.
  const poolBegan = performance.now()
  const pool = new Pool()
  const mapped = await pool.map(Math.sqrt, items, { as: 'f64' })
  const poolSeconds = (performance.now() - poolBegan) / 1000
  const receipt = pool.receipt
  await pool.close()

  // The same bits, or the comparison would be of two different things.
  if (Buffer.compare(new Uint8Array(looped.buffer), new Uint8Array(mapped.buffer)) !== 0) {
    throw new Error('the loop and the pool disagree')
  }
  const [winner, ratio] =
    poolSeconds < loopSeconds
      ? ['the pool wins', loopSeconds / poolSeconds]
      : ['the loop wins', poolSeconds / loopSeconds]
  console.log(`range(10, ${end.toLocaleString('en')}): ${winner}, ${ratio.toFixed(1)} times as fast`)
  console.log(`  loop ${seconds(loopSeconds)}`)
  console.log(`  pool ${seconds(poolSeconds)}`)
  if (receipt === undefined) continue
  const { compute, start } = receipt.core_seconds
  const share = (part: number): string => `${((100 * part) / receipt.capacity_core_seconds).toFixed(1)} %`
  console.log(
    `  receipt: ${receipt.slots} slots x ${seconds(receipt.wall_seconds)}: ${share(compute)} in the function, ${share(start)} starting workers`,
  )
  for (const line of receipt.advice) console.log(`  advice: ${line}`)
}
