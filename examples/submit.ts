// The same bubble sort from a program: submit() starts one call in a worker and gives a handle at once.
//
//   node dist/examples/submit.js 5 3 1
//
// In: numbers as arguments. Out: the sorted list on standard output.
import { Pool } from 'manyhands'
// A self-contained function travels as its source text: it may use its arguments and globals, and nothing around it.
import bubbleSort from './bubble_sort.js'

// Leaving the block closes the pool: what runs is waited for, then the workers end.
await using pool = new Pool()

const numbers = process.argv.slice(2).map(Number)
const call = pool.submit(bubbleSort, [numbers])

// This process is free meanwhile; call.cancel() would end the call.
console.error(`sorting ${numbers.length} numbers in another process…`)
console.log(JSON.stringify(await call.result))
