// A process of its own that holds one worker, for tests that kill it. In: runner, code as JSON. Out: the worker's process
// id on standard output once its run has begun.
import { type Code, range, Seat } from './seat.js'

const [runner, code] = process.argv.slice(2) as ['node' | 'python' | 'exec', string]
const seat = new Seat({ teardown: () => {} }, runner)
const load = seat.load(JSON.parse(code) as Code)
await seat.until(event => (event.type === 'loaded' ? true : undefined))
void seat.run(load, range(12))
console.log(seat.worker.pid)
