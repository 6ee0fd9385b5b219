package main

import "github.com/amogate/amogate/amo/limit"

// checkRate checks the requests a second to an account.
func (p *problems) checkRate(rate float64, insecureUpstream bool) {
	const flag = "rate"
	switch {
	case p.has(flag), limit.CheckRate(rate, insecureUpstream) == nil:
	case insecureUpstream:
		p.add(flag, "%v is not above 0 and at most %d", rate, limit.MaxEmulatedRate)
	default:
		p.add(flag, "%v is not above 0 and at most %d, which is what amoCRM allows an account; up to %d only against the emulator, with --allow-insecure-upstream",
			rate, limit.MaxRate, limit.MaxEmulatedRate)
	}
}
