// `npm test`: everything that must hold before a change is merged.

import { runSteps, STEPS } from './steps.ts'

const steps = STEPS.map((name) => ({ name, args: ['--run', name] }))
if ((await runSteps(steps)) !== null) process.exitCode = 1
