	.text
	.globl	nested
	.type	nested,@function
nested:                                 # @nested
	xorl	%eax, %eax
.LBB0_1:                                # an outer loop
	vmovups	%zmm3, -64(%rsp)        # not in the inner loop
.LBB0_2:
	vmovups	(%rdi,%rax), %zmm0
	vfmadd231ps	4(%rsi){1to16}, %zmm0, %zmm1
	vfmadd213ps	%zmm1, %zmm2, %zmm4
	vaddps	-128(%rsp), %zmm1, %zmm1
	vmovaps	%ymm1, 32(%rsp)         # 32-byte Spill
	vmovntps	%zmm1, (%rdx,%rax,4)
	movq	8(%rsp), %rcx
	vaddss	(%rbp,%rcx), %xmm1, %xmm1
	addq	$64, %rax
	jne	.LBB0_2
	jb	.LBB0_1
	retq
.Lend0:
	.size	nested, .Lend0-nested
	.type	framed,@function
framed:
	pushq	%rbp
	movq	%rsp, %rbp
.LBB1_1:
	movaps	%xmm1, %xmm2
	paddd	-32(%rbp), %xmm2
	{vex}	vpdpbusd	%ymm2, %ymm1, %ymm0
	{vex}	vpdpbusd	(%rax), %ymm1, %ymm0
	jmp	.LBB1_1
.LBB1_2:
	decq	%rax
	jne	.LBB1_2
	retq
