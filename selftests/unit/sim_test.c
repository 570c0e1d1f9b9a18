// SPDX-License-Identifier: GPL-2.0
/* The pure files in a simulated world: does all arrive, and does it end? */
#include "unit.h"
#include "sim.h"

#define MAX_TIME	(1000ULL * 1000000)

FIXTURE(sim) {
	struct sim s;
};

FIXTURE_SETUP(sim)
{
}

FIXTURE_TEARDOWN(sim)
{
}

/* Ids that went through 2^32 and through 2^31, both ends */
static void count_wraps(const struct sim *s, unsigned int wraps[2])
{
	int i;

	for (i = 0; i < 2; i++) {
		const struct ttp_core *c = &s->end[i].c;

		wraps[0] += c->snd.nxt < c->isn;
		wraps[1] += c->isn < 1U << 31 && c->snd.nxt >= 1U << 31;
	}
}

static void count(struct sim *sum, const struct sim *s)
{
	sum->frames += s->frames;
	sum->replays += s->replays;
	sum->fulls += s->fulls;
	sum->nacks += s->nacks;
}

#define LOG_RUN(i, s) \
	TH_LOG("run %llu: %s, %llu us, states %s %s, errors %#x %#x, got %u/%u %u/%u", \
	       (long long)(i), (s)->broken, (long long)(s)->now, \
	       ttp_fsm_state_name((s)->end[0].c.state), \
	       ttp_fsm_state_name((s)->end[1].c.state), \
	       (s)->end[0].err, (s)->end[1].err, \
	       (s)->end[0].got, (s)->end[1].total, \
	       (s)->end[1].got, (s)->end[0].total)

static void orderly(struct sim *s, u64 seed, u32 openers)
{
	sim_init(s, seed, openers);
	sim_run(s, MAX_TIME);
	sim_settle(s);
	sim_check(s);
	sim_free(s);
}

TEST_F_TIMEOUT(sim, transfer, 300)
{
	unsigned int wraps[2] = { 0 };
	struct sim sum = {};
	u64 i;

	for (i = 0; i < unit_rounds(400); i++) {
		orderly(&self->s, i, 1);
		ASSERT_EQ(NULL, self->s.broken) {
			LOG_RUN(i, &self->s);
		}
		ASSERT_TRUE(self->s.end[1].accepted);
		count(&sum, &self->s);
		count_wraps(&self->s, wraps);
	}
	TH_LOG("%u frames, %u replays, %u NACKs, %u NACK_FULLs", sum.frames,
	       sum.replays, sum.nacks, sum.fulls);
	/* All of the machinery was used. */
	EXPECT_GT(wraps[0], i / 20);
	EXPECT_GT(wraps[1], i / 20);
	EXPECT_GT(sum.replays, i);
	EXPECT_GT(sum.nacks, i);
	EXPECT_GT(sum.fulls, i / 10);
}

/* Both call each other at once. */
TEST_F_TIMEOUT(sim, crossing, 300)
{
	u64 i;

	for (i = 0; i < unit_rounds(300); i++) {
		orderly(&self->s, 100000 + i, 2);
		ASSERT_EQ(NULL, self->s.broken) {
			LOG_RUN(i, &self->s);
		}
	}
}

/* One end breaks off: the other notices, and keeps what it has, in order. */
TEST_F_TIMEOUT(sim, abort, 300)
{
	struct sim *s = &self->s;
	unsigned int told = 0;
	u64 i, at;
	int who;

	for (i = 0; i < unit_rounds(300); i++) {
		sim_init(s, 200000 + i, 1);
		who = i & 1;
		at = unit_below(&s->r, 100) * (s->delay + 100);
		sim_run(s, at);
		if (s->end[who].c.state != TTP_CLOSED)
			sim_event(&s->end[who], TTP_EV_ABORT, NULL, NULL);
		s->end[who].once = true;
		sim_run(s, s->now + 60 * 1000000ULL);
		/* Only who has nothing to say may still believe in it. */
		if (s->end[!who].c.state != TTP_CLOSED) {
			sim_must(s, s->end[!who].c.state == TTP_OPEN &&
				 !sim_queued(&s->end[!who]) &&
				 list_empty(&s->end[!who].c.snd.list), "hung");
			sim_event(&s->end[!who], TTP_EV_ABORT, NULL, NULL);
		}
		told += !!(s->end[!who].err & TTP_ACT_RESET_IN);
		sim_settle(s);
		sim_must(s, sim_closed(s), "not closed");
		sim_free(s);
		ASSERT_EQ(NULL, s->broken) {
			LOG_RUN(i, s);
		}
	}
	EXPECT_GT(told, i / 4);
}

/* The same seed is the same run, to the frame. */
TEST_F(sim, repeatable)
{
	unsigned int frames;

	orderly(&self->s, 7, 1);
	frames = self->s.frames;
	orderly(&self->s, 7, 1);
	EXPECT_EQ(frames, self->s.frames);
	EXPECT_NE(0, frames);
}

TEST_HARNESS_MAIN
