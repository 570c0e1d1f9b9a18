/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why AF_TTP differs from TCP or from AF_UNIX where it does: WHY(NAME, "text").
 * The same texts stand in ttp(7) under "Differences from TCP and AF_UNIX".
 */
