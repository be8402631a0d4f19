"""Columns of the files of published runs, for rows that are measured here."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

TRAINING = (
    "row_id,suite,model,arch,params_total,params_active,layers,hidden,heads,kv_heads,ffn,vocab,seq_len,accelerator,hw_class,"
    "n_gpus,n_nodes,precision,framework,sw_version,tp,pp,vp,cp,ep,dp,sharding,activation_recompute,micro_batch,grad_accum,"
    "global_batch,tokens_per_step,step_time_s,tokens_per_s,tokens_per_s_per_gpu,samples_per_s,tflops_per_gpu,"
    "flops_convention,pct_of_peak,mfu,hfu,mem_per_gpu_gb,mem_kind,wall_minutes,samples_processed,energy_kwh,node_power_w,"
    "status,source,source_detail,confidence,provenance,memory_fields,notes,group_key"
)
TUNING = (
    "row_id,suite,model,params_total,params_active,arch,method,lora_rank,lora_targets,trainable_params,precision,quantization,"
    "framework,sw_version,accelerator,hw_class,n_gpus,tp,pp,cp,sharding,offload,grad_checkpointing,optimizer,micro_batch,"
    "grad_accum,global_batch,seq_len,packed,dataset,epochs,steps,samples_processed,tokens_processed,peak_mem_gb,mem_unit,"
    "mem_kind,cpu_mem_gb,tokens_per_s,tokens_per_s_per_gpu,step_time_s,tflops_per_gpu,wall_minutes,accelerator_hours,cost_usd,"
    "cost_basis,energy_kwh,node_power_w,status,source,source_detail,confidence,provenance,memory_fields,notes,group_key"
)
SERVING = (
    "row_id,suite,model,params_total,params_active,arch,layers,hidden,heads,kv_heads,precision,quantization,kv_cache_dtype,"
    "engine,engine_version,accelerator,hw_class,n_gpus,tp,pp,ep,dp,moe_tp,scenario,batch,max_concurrency,avg_concurrency,"
    "input_len,output_len,requests_per_s,samples_per_s,out_tokens_per_s,out_tokens_per_s_per_gpu,total_tokens_per_s,"
    "prefill_tokens_per_s,latency_ms,ttft_ms,ttft_p99_ms,tpot_ms,tpot_p99_ms,itl_median_ms,itl_p99_ms,ms_per_token_batch,"
    "bandwidth_gbps,mem_gb,power_w,energy_j_per_token,energy_j_per_request,energy_j_per_image_or_video,steps,height,width,"
    "frames,status,source,source_detail,confidence,provenance,memory_fields,notes,group_key"
)
COLUMNS = {"megatron_throughput": TRAINING, "finetune_runs": TUNING, "inference_runs": SERVING}


def append(folder: Path, file: str, row: dict[str, Any]) -> None:
    """Add a row; a file that is there keeps its own columns."""
    path, columns = folder / f"{file}.csv", COLUMNS[file].split(",")
    folder.mkdir(parents=True, exist_ok=True)
    fresh = not path.exists() or path.stat().st_size == 0
    if not fresh:
        with path.open(encoding="utf-8", newline="") as lines:
            columns = next(csv.reader(lines))
    with path.open("a", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, columns, extrasaction="ignore", restval="")
        if fresh:
            writer.writeheader()
        writer.writerow(row)
