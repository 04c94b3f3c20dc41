// How a Node worker is started: by the Node that runs the agent.
import { fileURLToPath } from 'node:url'
import type { Runner } from '../start.js'

const CHILD = fileURLToPath(new URL('./child.js', import.meta.url))

export const nodeRunner: Runner = {
  // Source maps cost nothing before the first error, and then name the user's own lines.
  command: () => [process.execPath, '--enable-source-maps', CHILD],
  diesWithAgent: true,
}
