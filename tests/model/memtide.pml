/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * memtide.pml - Host, guests and hypervisor, with everything that can fail
 *
 * Checked exhaustively by spin (see run). What is modelled:
 *
 *   hypervisor	  which granules of which guest are backed, how many are free.
 *		  Outlives everything.
 *   guest kernel which granules are in use. Outlives the agent.
 *   agent	  remembers nothing but the pull it is at.
 *   memtided	  the ledger, what is in flight: lost when it dies. Targets are
 *		  in xenstore: kept. Steps are those of host-service/plan.c.
 *   channel	  in order and lossless while a connection lasts; all that is on
 *		  its way is lost with it, in both directions. A request that is
 *		  sent again after a reconnection is the repeated message, one
 *		  that waits in the channel the delayed one.
 *   operator	  RETARGETS times sets a target, admitted as in service.c.
 *   faults	  FAULTS of them, at any moment: memtided dies, an agent dies or
 *		  the connection breaks, Xen refuses a populate, the guest's
 *		  kernel refuses to expose, or to give up, a granule.
 *
 * Between a hypercall and the note of it in the ledger memtided can die, too:
 * as the ledger is lost with it, that is dying right after both.
 *
 * Asserted: I1, both ways; I2, as conservation of memory; I4; and in each state
 * from which nothing moves any more, the target of each guest is reached, all of
 * it in use. As all faults are finite, and run also looks for cycles without
 * progress, this is "the target is reached when faults stop".
 *
 * BROKEN_... leave out one rule each; spin has to find what that breaks.
 */

#ifndef GUESTS
#define GUESTS		2
#endif
#ifndef GRANULES
#define GRANULES	2
#endif
#ifndef HOST
#define HOST		3	/* granules: less than GUESTS * GRANULES */
#endif
#ifndef FAULTS
#define FAULTS		2
#endif
#ifndef RETARGETS
#define RETARGETS	2
#endif

#define ALL		((1 << GRANULES) - 1)
#define NR(set)		(((set) & 1) + ((set) >> 1 & 1) + ((set) >> 2 & 1))
#define LOWEST(set)	((set) & -(set))
#define HIGHEST(set)	((set) & 4 -> 4 : ((set) & 2 -> 2 : (set) & 1))
#define EMPTY(set)	(ALL & ~(set))

mtype = { ONLINE, ONLINE_REPLY, PULL, PULL_PROGRESS, PULL_LAST, CANCEL,
	  STATE, STATE_REPLY };
mtype = { LOST, SYNCING, READY };

/* Truths */
byte backed[GUESTS];
byte in_use[GUESTS];
byte target[GUESTS];
byte free_granules = HOST;

/* Of memtided */
mtype state[GUESTS] = LOST;
byte l_backed[GUESTS];
byte l_exposed[GUESTS];
byte onlines[GUESTS];
byte pull_left[GUESTS];
bool cancelled[GUESTS];

/* Of the agents */
byte pulling[GUESTS];

chan to_guest[GUESTS] = [3] of { mtype, byte };
chan to_host[GUESTS] = [3] of { mtype, byte };

byte faults = FAULTS;
byte retargets = RETARGETS;

#define IDLE(g)		(l_backed[g] & ~l_exposed[g])
#define EXCESS(g)	(NR(l_backed[g]) - target[g])
#define ABOVE(g)	(NR(l_backed[g]) > target[g])
#define PULL_OUT(g)	(pull_left[g] || cancelled[g])

/* What a guest was promised and does not hold: known from what is kept, also
 * while its agent is away. */
#define OWED(g)		(target[g] > NR(backed[g]) -> \
			 target[g] - NR(backed[g]) : 0)

inline conserve()
{
	assert(free_granules + NR(backed[0])
#if GUESTS > 1
	       + NR(backed[1])
#endif
	       == HOST);	/* I2 */
	assert(OWED(0)
#if GUESTS > 1
	       + OWED(1)
#endif
	       <= free_granules);	/* I4 */
}

inline flush(ch)
{
	do
	:: nempty(ch) -> ch?_,_
	:: empty(ch) -> break
	od
}

inline disconnect(g)
{
	flush(to_guest[g]);
	flush(to_host[g]);
	state[g] = LOST;
	onlines[g] = 0;
	pull_left[g] = 0;
	cancelled[g] = false;
	pulling[g] = 0;
	/* Forgotten: not used before the next synchronization. */
	l_backed[g] = 0;
	l_exposed[g] = 0;
}

inline populate(g)
{
	set = LOWEST(EMPTY(l_backed[g]));
	assert(free_granules > 0 && !(backed[g] & set));
	backed[g] = backed[g] | set;
	l_backed[g] = l_backed[g] | set;
	free_granules--;
	conserve();
}

inline give_back(g, which)
{
	set = HIGHEST(which);
	assert(backed[g] & set);
	assert(!(in_use[g] & set));		/* I1: the host's half */
	backed[g] = backed[g] & ~set;
	l_backed[g] = l_backed[g] & ~set;
	l_exposed[g] = l_exposed[g] & ~set;
	free_granules++;
	conserve();
}

inline tell_online(g)
{
	set = LOWEST(IDLE(g));
#ifndef BROKEN_EXPOSED_WHEN_ANSWERED
	l_exposed[g] = l_exposed[g] | set;	/* before it leaves */
#endif
	onlines[g]++;
	to_guest[g]!ONLINE,set;
}

proctype Memtided(byte g)
{
	mtype type;
	byte arg, set;

end:
	do
	/* Connect, look at the p2m, ask for the guest's word. */
	:: atomic {
		state[g] == LOST ->
		l_backed[g] = backed[g];
		to_guest[g]!STATE,0;
		state[g] = SYNCING
	   }

	/* The steps, as plan.c derives them */
#ifdef BROKEN_GIVE_BEFORE_PULLED
	:: atomic {
		state[g] == READY && ABOVE(g) && !IDLE(g) ->
		give_back(g, l_backed[g])
	   }
#endif
	:: atomic {
		state[g] == READY && ABOVE(g) && IDLE(g) ->
		give_back(g, IDLE(g))
	   }
	:: atomic {
		state[g] == READY && ABOVE(g) && !IDLE(g) && !PULL_OUT(g) &&
		!onlines[g] ->
		pull_left[g] = EXCESS(g);
		to_guest[g]!PULL,EXCESS(g)
	   }
	:: atomic {
		state[g] == READY && pull_left[g] && !cancelled[g] &&
		!(ABOVE(g) && IDLE(g)) && pull_left[g] >
		(NR(l_exposed[g]) > target[g] ->
		 NR(l_exposed[g]) - target[g] : 0) && nfull(to_guest[g]) ->
		cancelled[g] = true;
		to_guest[g]!CANCEL,0
	   }
	:: atomic {
		state[g] == READY && !ABOVE(g) && !PULL_OUT(g) && IDLE(g) &&
		nfull(to_guest[g]) ->
		tell_online(g)
	   }
	:: atomic {
		state[g] == READY && !PULL_OUT(g) && !IDLE(g) &&
		NR(l_backed[g]) < target[g] ->
#ifdef BROKEN_ONLINE_BEFORE_BACKED
		to_guest[g]!ONLINE,LOWEST(EMPTY(l_backed[g]));
		onlines[g]++;
#endif
		populate(g)
	   }

	/* Answers */
	:: atomic {
		to_host[g]?type,arg ->
		if
		:: type == STATE_REPLY ->
			assert(!(arg & ~l_backed[g]));	/* law broken */
			l_exposed[g] = arg;
			state[g] = READY
		:: type == ONLINE_REPLY ->
			onlines[g]--;
			/* What was refused, or 0 */
			l_exposed[g] = l_exposed[g] & ~arg
#ifdef BROKEN_EXPOSED_WHEN_ANSWERED
			l_exposed[g] = in_use[g] & l_backed[g]
#endif
		:: type == PULL_PROGRESS ->
			assert(l_exposed[g] & arg);
			l_exposed[g] = l_exposed[g] & ~arg;
			pull_left[g] = (pull_left[g] -> pull_left[g] - 1 : 0)
		:: type == PULL_LAST ->
			pull_left[g] = 0;
			cancelled[g] = false
		fi
	   }
	od
}

proctype Guest(byte g)
{
	mtype type;
	byte arg, set;

end:
	do
	:: atomic {
		nfull(to_host[g]) && to_guest[g]?[type,arg] ->
		to_guest[g]?type,arg;
		if
		:: type == STATE -> to_host[g]!STATE_REPLY,in_use[g]
		:: type == ONLINE ->
			/* I1: the guest's half. It would touch it now. */
			assert(backed[g] & arg);
			in_use[g] = in_use[g] | arg;
			to_host[g]!ONLINE_REPLY,0
		:: type == ONLINE && faults ->
			faults--;
			to_host[g]!ONLINE_REPLY,arg
		:: type == PULL -> pulling[g] = arg
		:: type == CANCEL && pulling[g] ->
			pulling[g] = 0;
			to_host[g]!PULL_LAST,0
		:: type == CANCEL && !pulling[g]	/* too late */
		fi
	   }
	/* Any granule, not the one that the host would choose. Its last message
	 * of a pull is the one that carries the last granule, in the protocol;
	 * here it is one of its own, and has room. */
	:: atomic {
		pulling[g] && in_use[g] && len(to_host[g]) <= 1 ->
		if
		:: set = LOWEST(in_use[g])
		:: set = HIGHEST(in_use[g])
		fi;
		in_use[g] = in_use[g] & ~set;
		pulling[g]--;
		to_host[g]!PULL_PROGRESS,set;
		if
		:: !pulling[g] -> to_host[g]!PULL_LAST,0
		:: else
		fi
	   }
	:: atomic {
		pulling[g] && (faults || !in_use[g]) && nfull(to_host[g]) ->
		faults = (faults && in_use[g] -> faults - 1 : faults);
		pulling[g] = 0;
		to_host[g]!PULL_LAST,0
	   }
	od
}

/* All of memtided dies; an agent dies or a connection breaks. */
proctype Faults()
{
	byte g;

end:
	do
	:: atomic {
		faults ->
		faults--;
		g = 0;
		do
		:: g < GUESTS -> disconnect(g); g++
		:: else -> break
		od;
		g = 0
	   }
	:: atomic { faults -> faults--; disconnect(0) }
#if GUESTS > 1
	:: atomic { faults -> faults--; disconnect(1) }
#endif
	od
}

proctype Operator()
{
	byte g, nr;

end:
	do
	:: atomic {
		retargets ->
		retargets--;
		select (g : 0 .. GUESTS - 1);
		select (nr : 0 .. GRANULES);
		if
		/* Less, or as much more as nobody else was promised */
#ifndef BROKEN_NO_ADMISSION
		:: (nr <= NR(backed[g]) ||
		    nr - NR(backed[g]) + OWED(0)
#if GUESTS > 1
		    + OWED(1)
#endif
		    - OWED(g) <= free_granules) -> target[g] = nr
		:: else
#else
		:: target[g] = nr
#endif
		fi;
		conserve();
		g = 0;
		nr = 0
	   }
	od
}

init {
	byte g;

	atomic {
		do
		:: g < GUESTS ->
			run Memtided(g);
			run Guest(g);
			g++
		:: else -> break
		od;
		run Faults();
		run Operator();
		g = 0
	}

	/* Nothing moves any more: not even a fault or the operator may. */
	timeout;
	assert(!faults && !retargets);
	do
	:: g < GUESTS ->
		assert(NR(backed[g]) == target[g]);
		assert(in_use[g] == backed[g]);
		g++
	:: else -> break
	od
}
