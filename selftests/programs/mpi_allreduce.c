// SPDX-License-Identifier: GPL-2.0
/*
 * All-reduces of 8 bytes to 1 MB in which every sum is checked. Tells for each
 * size how long one took. Argument: rounds of each size (5).
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

#define SMALLEST	8
#define LARGEST		(1 << 20)
#define STEP		8

static int rank, ranks;

static long long value(int of, int at, int round)
{
	return (of + 1) * 1000003LL + at * 7LL + round;
}

static long long sum(int at, int round)
{
	return ranks * (ranks + 1) / 2 * 1000003LL + ranks * (at * 7LL + round);
}

/* How many sums of @rounds all-reduces of @count numbers are wrong */
static int reduce(long long *mine, long long *all, int count, int rounds)
{
	int wrong = 0, round, i;

	for (round = 0; round < rounds; round++) {
		for (i = 0; i < count; i++)
			mine[i] = value(rank, i, round);
		MPI_Allreduce(mine, all, count, MPI_LONG_LONG, MPI_SUM,
			      MPI_COMM_WORLD);
		for (i = 0; i < count; i++)
			wrong += all[i] != sum(i, round);
	}
	return wrong;
}

/* The same, of all ranks together */
static int one_size(long long *mine, long long *all, int size, int rounds)
{
	int wrong, everywhere;
	double took;

	MPI_Barrier(MPI_COMM_WORLD);
	took = MPI_Wtime();
	wrong = reduce(mine, all, size / sizeof(*mine), rounds);
	took = MPI_Wtime() - took;
	MPI_Allreduce(&wrong, &everywhere, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	if (!rank)
		printf("%d bytes: %d wrong, %.1f us\n", size, everywhere,
		       took * 1e6 / rounds);
	return everywhere;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 5, wrong = 0, size;
	long long *mine = malloc(LARGEST), *all = malloc(LARGEST);

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &ranks);
	if (!mine || !all)
		MPI_Abort(MPI_COMM_WORLD, 1);
	/* The first one connects everybody. */
	reduce(mine, all, LARGEST / sizeof(*mine), 1);
	for (size = SMALLEST; size < LARGEST; size *= STEP)
		wrong += one_size(mine, all, size, rounds);
	wrong += one_size(mine, all, LARGEST, rounds);
	MPI_Finalize();
	free(mine);
	free(all);
	return wrong != 0;
}
