// An agent in a process of its own, to be frozen or killed: `node puller.js URL JOB EPOCH`.
// Out: a line for each task it takes.
import { connectNatsAgent } from '../../proto/transport/nats-agent.js'

const [url = '', job = '', epoch = '1'] = process.argv.slice(2)
const agent = await connectNatsAgent({ url, agent: `puller-${process.pid}` })
process.stdout.write('ready\n')
for (;;)
  await agent.pull(
    job,
    Number(epoch),
    16,
    60,
    task => process.stdout.write(`${new TextDecoder().decode(task)}\n`),
    new AbortController().signal,
  )
