// SPDX-License-Identifier: GPL-2.0
/*
 * A token goes round all ranks, each of which adds one; then a block of bytes,
 * in which each adds one to every byte. Argument: rounds of the token (100).
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK		(1 << 20)
#define TOKEN_TAG	1
#define BLOCK_TAG	2

static int rank, ranks;

static int left(void)
{
	return (rank + ranks - 1) % ranks;
}

static int right(void)
{
	return (rank + 1) % ranks;
}

static int token_goes_round(int rounds)
{
	int token = 0, round;

	for (round = 0; round < rounds; round++) {
		if (rank)
			MPI_Recv(&token, 1, MPI_INT, left(), TOKEN_TAG,
				 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
		token++;
		MPI_Send(&token, 1, MPI_INT, right(), TOKEN_TAG, MPI_COMM_WORLD);
		if (!rank)
			MPI_Recv(&token, 1, MPI_INT, left(), TOKEN_TAG,
				 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
	}
	return rank || token == rounds * ranks;
}

static int block_goes_round(unsigned char *block)
{
	int i;

	for (i = 0; i < BLOCK; i++)
		block[i] = i % 251;
	if (rank)
		MPI_Recv(block, BLOCK, MPI_BYTE, left(), BLOCK_TAG,
			 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
	for (i = 0; i < BLOCK; i++)
		block[i]++;
	MPI_Send(block, BLOCK, MPI_BYTE, right(), BLOCK_TAG, MPI_COMM_WORLD);
	if (rank)
		return 1;
	memset(block, 0, BLOCK);
	MPI_Recv(block, BLOCK, MPI_BYTE, left(), BLOCK_TAG, MPI_COMM_WORLD,
		 MPI_STATUS_IGNORE);
	for (i = 0; i < BLOCK; i++)
		if (block[i] != (unsigned char)(i % 251 + ranks))
			return 0;
	return 1;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 100, good;
	unsigned char *block = malloc(BLOCK);
	double took;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &ranks);
	if (!block || ranks < 2)
		MPI_Abort(MPI_COMM_WORLD, 1);
	good = block_goes_round(block);
	MPI_Barrier(MPI_COMM_WORLD);
	took = MPI_Wtime();
	good &= token_goes_round(rounds);
	took = MPI_Wtime() - took;
	if (!rank)
		printf("%d ranks: %s, %.1f us each round\n", ranks,
		       good ? "good" : "WRONG", took * 1e6 / rounds);
	MPI_Finalize();
	free(block);
	return !good;
}
