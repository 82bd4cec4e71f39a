"""Optimiser trajectories by PyTorch 2.11.0 (float64), the oracle for our own optimisers. Usage: make.py > optimizers.json (pip install torch==2.11.0)"""
import json, torch
torch.set_default_dtype(torch.float64); torch.manual_seed(20261123)
W0=torch.randn(4,3); TARGET=torch.randn(4,3); A=torch.diag(torch.tensor([5.,1.,.2,.05]))
def loss(w): d=w-TARGET; return 0.5*(d*(A@d)).sum()+0.1*torch.sin(3*w).sum()
cases=[
 ("sgd",{"learning_rate":0.05},torch.optim.SGD,dict(lr=0.05)),
 ("sgd",{"learning_rate":0.05,"momentum":0.9},torch.optim.SGD,dict(lr=0.05,momentum=0.9)),
 ("sgd",{"learning_rate":0.05,"momentum":0.9,"nesterov":True},torch.optim.SGD,dict(lr=0.05,momentum=0.9,nesterov=True)),
 ("sgd",{"learning_rate":0.05,"weight_decay":0.01},torch.optim.SGD,dict(lr=0.05,weight_decay=0.01)),
 ("adam",{"learning_rate":0.01,"beta_1":0.9,"beta_2":0.999,"epsilon":1e-8},torch.optim.Adam,dict(lr=0.01,eps=1e-8)),
 ("adam",{"learning_rate":0.01,"beta_1":0.9,"beta_2":0.999,"epsilon":1e-8,"amsgrad":True},torch.optim.Adam,dict(lr=0.01,eps=1e-8,amsgrad=True)),
]
out={"by":"PyTorch 2.11.0, float64","loss":"0.5*sum(d*(A@d)) + 0.1*sum(sin(3w)), d = w - target","A_diagonal":[5.,1.,.2,.05],"w0":W0.tolist(),"target":TARGET.tolist(),"steps":[1,2,5,20,100],"cases":[]}
for name,cfg,cls,kw in cases:
    w=W0.clone().requires_grad_(); o=cls([w],**kw); at={}
    for s in range(1,101):
        o.zero_grad(); loss(w).backward(); o.step()
        if s in out["steps"]: at[str(s)]=w.detach().tolist()
    out["cases"].append({"type":name,"config":cfg,"w_after_step":at})
print(json.dumps(out))
