// How an exec worker is started. It runs no code of the user's in its own process, so it always sees that the agent died,
// and must live long enough to kill the command that it runs.
import { fileURLToPath } from 'node:url'
import type { Runner } from '../start.js'

const CHILD = fileURLToPath(new URL('./child.js', import.meta.url))

export const execRunner: Runner = {
  command: () => [process.execPath, CHILD],
  diesWithAgent: false,
}
